//! The Go heap as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::image::PyImage;

use super::layout::HeapLayout;
use super::mark::mark;
use super::objects::Objects;
use super::spans::Spans;

/// Trial: mark and count.
#[pyfunction]
fn mark_heap(
    py: Python<'_>,
    image: &PyImage,
    array: u64,
    count: usize,
    layout: HeapLayout,
    roots: Vec<u64>,
) -> PyResult<(u64, u64, u64, u64, u64, u64)> {
    let memory = image.image.clone();
    py.detach(move || {
        let spans = Spans::load(&memory, array, count, &layout)?;
        let allocated: u64 = spans
            .spans
            .iter()
            .map(|span| u64::from(span.allocated()))
            .sum();
        let mut objects = Objects::new(&spans, &layout);
        let marked = mark(&mut objects, &roots);
        Ok((
            spans.pages_in_use,
            allocated,
            marked.order.len() as u64,
            marked.bytes,
            marked.edges,
            marked.unread,
        ))
    })
    .map_err(|why: &'static str| PyValueError::new_err(why))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mark_heap, module)?)
}
