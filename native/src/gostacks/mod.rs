//! The stacks of goroutines in an image, by the program's own tables: who called whom, and where each frame lies.

mod code;
mod maps;
mod met;
mod program;
mod python;
mod roots;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod standing;
mod start;
mod unwind;

pub use python::register;
