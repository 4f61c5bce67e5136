//! Bytes at an address, from whatever held them: a frozen copy, a core, given files. Knows nothing of Go.

mod copy;
mod python;
mod resident;
mod segments;
mod stripes;

pub use python::{PyImage, register};
pub use resident::Resident;
pub use segments::Image;
