//! The encoder as Python sees it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::columns::{self, Table};
use crate::image::PyImage;

use super::encode::{Bounds, Encoder};
use super::types::Types;

/// A frame's length stands before it, big-endian.
const LENGTH_BYTES: usize = 4;

/// Entries of one map, as JSON. What an encoder hashes, and how, is its own secret.
#[pyclass(module = "mapmedic._native")]
struct EntryEncoder {
    ask: Py<PyAny>,
    key: u64,
    elem: u64,
    bounds: Bounds,
    is_redacted: bool,
    secret: RandomState,
    types: Types,
}

#[pymethods]
impl EntryEncoder {
    /// ``ask`` returns what is known of the type at an address, or None. ``key`` and ``elem``: the addresses of types.
    #[new]
    fn new(ask: Py<PyAny>, key: u64, elem: u64, bounds: Bounds, is_redacted: bool) -> Self {
        EntryEncoder {
            ask,
            key,
            elem,
            bounds,
            is_redacted,
            secret: RandomState::new(),
            types: Types::default(),
        }
    }

    /// Return the entries whose keys and elements lie at ``keys`` and ``elems`` (little-endian words) in ``image``.
    ///
    /// ``frames``: each payload behind its length; ``ends``: where each frame ends; ``key_hashes``, ``hashes``: of the
    /// key and of the whole payload; ``cut``, ``unreadable``: 1 where something was left out, could not be read.
    fn encode<'py>(
        &mut self,
        py: Python<'py>,
        image: &PyImage,
        keys: &[u8],
        elems: &[u8],
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
        let (keys, elems): (Vec<u64>, Vec<u64>) = (columns::read(keys)?, columns::read(elems)?);
        if keys.len() != elems.len() {
            return Err(PyValueError::new_err("keys without elements"));
        }
        let ask = self.ask.bind(py).clone();
        let secret = self.is_redacted.then_some(&self.secret);
        let mut encoder = Encoder::new(&image.image, &mut self.types, &ask, self.bounds, secret);
        let mut rows = Rows::default();
        for (&key, &elem) in keys.iter().zip(&elems) {
            let begin = encoder.out.len();
            encoder.out.extend_from_slice(&[0; LENGTH_BYTES]);
            let key_end = encoder.entry((self.key, key), (self.elem, elem))?;
            let payload = begin + LENGTH_BYTES;
            let length = (encoder.out.len() - payload) as u32;
            rows.ends.push(encoder.out.len() as u64);
            rows.key_hashes
                .push(self.secret.hash_one(&encoder.out[payload..key_end]));
            rows.hashes
                .push(self.secret.hash_one(&encoder.out[payload..]));
            rows.cut.push(u64::from(encoder.is_cut));
            rows.unreadable.push(u64::from(encoder.is_unreadable));
            encoder.out[begin..payload].copy_from_slice(&length.to_be_bytes());
        }
        let frames = PyBytes::new(py, &encoder.out);
        Ok((frames, rows.columns(py)?))
    }
}

#[derive(Default)]
struct Rows {
    ends: Vec<u64>,
    key_hashes: Vec<u64>,
    hashes: Vec<u64>,
    cut: Vec<u64>,
    unreadable: Vec<u64>,
}

impl Rows {
    fn columns(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let table = Table::new(py);
        table.column("ends", self.ends)?;
        table.column("key_hashes", self.key_hashes)?;
        table.column("hashes", self.hashes)?;
        table.column("cut", self.cut)?;
        table.column("unreadable", self.unreadable)?;
        Ok(table.0)
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<EntryEncoder>()
}
