//! The Go heap on top of an image: spans, objects, what reaches what. Knows nothing of /proc or ELF.

mod abi;
mod account;
mod allocator;
mod arena_bits;
mod beside;
mod channels;
mod dominators;
mod dropped;
mod fit;
mod fitting;
mod holders;
mod infer;
mod inference;
mod layout;
mod map_types;
mod maps;
mod mark;
mod masks;
mod mspans;
mod objects;
mod python;
mod references;
mod referrers;
mod retained;
mod said;
mod shapes;
mod slots;
mod spans;
mod specials;
mod stackmaps;
mod survey;
mod syncmaps;
mod typeindex;
mod typing;
mod values;

pub use python::register;
