//! The entries of a map as text that a program can load again: one JSON object each.

mod base64;
mod composites;
mod encode;
mod leaves;
mod python;
mod text;
mod types;

pub use python::register;
