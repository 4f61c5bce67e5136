//! The hot loops of mapmedic. Decides nothing: bytes in, columns out.

use pyo3::prelude::*;

#[pymodule]
fn _native(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
