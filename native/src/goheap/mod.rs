//! The Go heap on top of an image: spans, objects, what reaches what. Knows nothing of /proc or ELF.

mod layout;
mod mark;
mod masks;
mod objects;
mod python;
mod spans;

pub use python::register;
