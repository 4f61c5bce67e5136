//! What DWARF adds where it was not stripped: the names and types of global variables. Gimli parses it.

mod python;
mod read;
mod sections;
mod types;

pub use python::register;
