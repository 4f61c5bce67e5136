//! Goroutine dumps, grouped while they stream by (upstream: src/runtime/traceback.go).

mod block;
mod grouper;
mod header;
mod python;

pub use python::register;
