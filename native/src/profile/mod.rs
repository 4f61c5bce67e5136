//! profile.proto as columns (upstream: google/pprof proto/profile.proto).

mod decode;
mod python;
mod samples;
mod wire;

pub use python::register;
