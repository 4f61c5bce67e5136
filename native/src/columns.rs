//! Columns cross to Python as little-endian bytes, wrapped there by `numpy.frombuffer`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::problem::{Parsed, problem};

/// A number a column can hold.
pub trait Cell: Copy {
    const SIZE: usize;
    fn put(self, into: &mut [u8]);
    fn get(from: &[u8]) -> Self;
}

macro_rules! cell {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            const SIZE: usize = size_of::<$number>();
            fn put(self, into: &mut [u8]) {
                into.copy_from_slice(&self.to_le_bytes());
            }
            fn get(from: &[u8]) -> Self {
                let mut raw = [0; size_of::<$number>()];
                raw.copy_from_slice(from);
                <$number>::from_le_bytes(raw)
            }
        }
    )*};
}
cell!(u8, i32, i64, u64);

/// Writes named columns into a dict.
pub struct Table<'py>(pub Bound<'py, PyDict>);

impl<'py> Table<'py> {
    pub fn new(py: Python<'py>) -> Self {
        Table(PyDict::new(py))
    }

    /// Moves one column over; the Rust copy is dropped at once, so that only one column exists twice.
    pub fn column<T: Cell>(&self, name: &str, values: Vec<T>) -> PyResult<()> {
        let bytes = PyBytes::new_with(self.0.py(), values.len() * T::SIZE, |into| {
            for (value, cell) in values.iter().zip(into.chunks_exact_mut(T::SIZE)) {
                value.put(cell);
            }
            Ok(())
        })?;
        self.0.set_item(name, bytes)
    }

    /// Moves strings over; bytes that are no UTF-8 become U+FFFD, rendering is somebody else's job.
    pub fn strings(&self, name: &str, values: &[&[u8]]) -> PyResult<()> {
        let decoded = values.iter().map(|raw| String::from_utf8_lossy(raw));
        self.0.set_item(
            name,
            PyTuple::new(self.0.py(), decoded.collect::<Vec<_>>())?,
        )
    }

    pub fn set<'a, V: IntoPyObject<'py> + 'a>(&self, name: &str, value: V) -> PyResult<()> {
        self.0.set_item(name, value)
    }
}

/// Reads a column that Python handed in.
pub fn read<T: Cell>(bytes: &[u8]) -> Parsed<Vec<T>> {
    if bytes.len() % T::SIZE != 0 {
        return problem("a column has a broken last cell", bytes.len());
    }
    Ok(bytes.chunks_exact(T::SIZE).map(T::get).collect())
}
