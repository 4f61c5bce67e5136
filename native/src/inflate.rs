//! Gunzips with a lid on it.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::problem::{Parsed, problem};

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Returns the bytes themselves, or what they inflate to; never more than `max_bytes`.
pub fn plain(data: &[u8], max_bytes: usize) -> Parsed<Cow<'_, [u8]>> {
    if data.starts_with(&MAGIC) {
        return Ok(Cow::Owned(inflate(data, max_bytes)?));
    }
    if data.len() > max_bytes {
        return problem(format!("larger than {max_bytes} bytes"), max_bytes);
    }
    Ok(Cow::Borrowed(data))
}

fn inflate(data: &[u8], max_bytes: usize) -> Parsed<Vec<u8>> {
    // The buffer grows as bytes really come out: neither the gzip trailer nor a ratio is believed.
    let mut out = Vec::with_capacity(data.len().saturating_mul(4).min(max_bytes));
    let lid = (max_bytes as u64).saturating_add(1);
    let result = MultiGzDecoder::new(data).take(lid).read_to_end(&mut out);
    if out.len() > max_bytes {
        return problem(
            format!("inflates to more than {max_bytes} bytes"),
            max_bytes,
        );
    }
    match result {
        Ok(_) => Ok(out),
        Err(error) => problem(format!("broken gzip stream ({error})"), out.len()),
    }
}

/// Return `data`, inflated where it is gzip, refusing to pass `max_bytes`.
#[pyfunction]
fn gunzip<'py>(py: Python<'py>, data: &[u8], max_bytes: usize) -> PyResult<Bound<'py, PyBytes>> {
    let out = py.detach(|| plain(data, max_bytes))?;
    Ok(PyBytes::new(py, &out))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(gunzip, module)?)
}
