//! What DWARF adds where it was not stripped: the names and types of variables. Gimli parses it.

mod locals;
mod python;
mod read;
mod scopes;
mod sections;
mod types;

pub use python::register;
