//! The Go heap as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::image::PyImage;

use super::layout::HeapLayout;
use super::maps::MapScan;
use super::mark::mark;
use super::objects::Objects;
use super::retained::retained_bytes;
use super::shapes::Shapes;
use super::spans::Spans;
use super::typing::tell_types;

type Row = (u64, u64, u64, u64, u64, bool, Option<u64>, u32, u64);

/// Trial: mark and count.
#[pyfunction]
#[allow(clippy::type_complexity)]
fn mark_heap(
    py: Python<'_>,
    image: &PyImage,
    array: u64,
    count: usize,
    layout: HeapLayout,
    roots: Vec<u64>,
    swiss: bool,
) -> PyResult<((u64, u64, u64, u64, u64, u64), u64, Vec<Row>)> {
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
        let mut shapes = Shapes::new(&memory, swiss);
        let told = tell_types(&spans, &layout, &marked, &mut shapes, &[]);
        let known = told.iter().filter(|&&shape| shape != 0).count() as u64;
        let rows = MapScan {
            spans: &spans,
            marked: &marked,
            shapes: &shapes,
            swiss,
        }
        .scan(&told);
        let retained = retained_bytes(&mut objects, &marked, &roots);
        let rows = rows
            .iter()
            .map(|r| {
                let parent = marked.parent[r.object as usize];
                let holder = (parent != u32::MAX).then(|| {
                    spans
                        .of_slot(marked.order[parent as usize])
                        .address(marked.order[parent as usize])
                });
                (
                    r.address,
                    r.map_type,
                    r.entries,
                    r.slots,
                    r.structure_bytes,
                    r.is_sound,
                    holder,
                    marked.place[r.object as usize],
                    retained[r.object as usize],
                )
            })
            .collect();
        Ok((
            (
                spans.pages_in_use,
                allocated,
                marked.order.len() as u64,
                marked.bytes,
                marked.edges,
                marked.unread,
            ),
            known,
            rows,
        ))
    })
    .map_err(|why: &'static str| PyValueError::new_err(why))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mark_heap, module)?)
}
