//! profile.proto as columns, both ways (upstream: google/pprof proto/profile.proto).

mod decode;
mod encode;
mod ids;
mod kinds;
mod limits;
mod python;
mod samples;
mod wire;
mod write;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    python::register(module)?;
    write::register(module)
}
