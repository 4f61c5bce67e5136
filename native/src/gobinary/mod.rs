//! A Go program's own tables: which function, file, line and inlined call an address is, stack deltas, build info.
//!
//! They are in every Go binary, `-s -w` or not: the runtime itself unwinds by them. What was verified for which
//! Go version stands in docs/concepts/pclntab.md. Bytes in, facts out; every range is checked before it is read.

mod build_info;
mod bytes;
mod elf;
mod frames;
mod functions;
mod header;
mod loaded;
mod module;
mod named;
mod names;
mod open;
mod pcvalue;
mod python;
mod references;

pub use bytes::{i32_at, u32_at, u64_at};
pub use functions::{Function, Tables};
pub use loaded::Loaded;
pub use named::Named;
pub use names::printed;
pub use python::register;
pub use references::References;
