//! The stacks of goroutines in an image, by the program's own tables: who called whom, and where each frame lies.

mod code;
mod maps;
mod python;
mod roots;
mod start;
mod unwind;

pub use python::register;
