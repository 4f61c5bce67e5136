//! What every decoder says when bytes do not parse: why, and at which byte of the decompressed input.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pyo3::create_exception!(
    _native,
    Malformed,
    PyValueError,
    "Say (why, offset): the bytes do not parse."
);

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub why: String,
    pub offset: usize,
}

pub type Parsed<T> = Result<T, Problem>;

/// Builds the error half of a `Parsed`.
#[cold]
pub fn problem<T>(why: impl Into<String>, offset: usize) -> Parsed<T> {
    Err(Problem {
        why: why.into(),
        offset,
    })
}

impl From<Problem> for PyErr {
    fn from(problem: Problem) -> PyErr {
        Malformed::new_err((problem.why, problem.offset))
    }
}
