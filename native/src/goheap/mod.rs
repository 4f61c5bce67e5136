//! The Go heap on top of an image: spans, objects, what reaches what. Knows nothing of /proc or ELF.

mod abi;
mod dominators;
mod layout;
mod maps;
mod mark;
mod masks;
mod objects;
mod python;
mod retained;
mod shapes;
mod slots;
mod spans;
mod survey;
mod syncmaps;
mod typeindex;
mod typing;

pub use python::register;
