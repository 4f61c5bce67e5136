//! Hands the groups to Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::block::{CREATOR, ELIDED};
use super::grouper::Grouper;
use crate::columns::Table;
use crate::intern::Interner;
use crate::problem::{Parsed, problem};
use crate::scan::file_and_line;

/// Groups as columns; every function with its place is one row, however many stacks share it.
#[derive(Default)]
struct Groups<'a> {
    states: Vec<&'a [u8]>,
    elided: Vec<u8>,
    creator: Vec<i32>,
    frame_start: Vec<i64>,
    frame: Vec<i32>,
    places: Interner<'a>,
}

impl<'a> Groups<'a> {
    fn add(&mut self, key: &'a [u8], at: usize) -> Parsed<()> {
        let state = memchr::memchr(b'\n', key).unwrap_or(key.len());
        self.states.push(&key[..state]);
        let (mut elided, mut creator) = (0, -1);
        let mut rest = key.get(state + 1..).unwrap_or_default();
        while let Some((mark, frame, after)) = next_frame(rest) {
            rest = after;
            if mark == ELIDED {
                elided = 1;
                continue;
            }
            match self.places.number(frame) {
                Some(number) if mark == CREATOR => creator = number,
                Some(number) => self.frame.push(number),
                None => return problem("too many frames", at),
            }
        }
        self.elided.push(elided);
        self.creator.push(creator);
        self.frame_start.push(self.frame.len() as i64);
        Ok(())
    }

    /// Splits the interned frames into function, file and line.
    fn put_places(&self, table: &Table) -> PyResult<()> {
        let (mut functions, mut files, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for frame in &self.places.names {
            let end = memchr::memchr(b'\n', frame).unwrap_or(frame.len());
            let place = frame.get(end + 1..).unwrap_or_default();
            let (file, line) = file_and_line(place).unwrap_or((place, 0));
            functions.push(&frame[..end]);
            files.push(file);
            lines.push(line);
        }
        table.strings("functions", &functions)?;
        table.strings("files", &files)?;
        table.column("lines", lines)
    }
}

/// Takes a mark and the two lines of a frame off a key.
fn next_frame(key: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (mark, rest) = key.split_first()?;
    let function = memchr::memchr(b'\n', rest)?;
    let end = function + 1 + memchr::memchr(b'\n', &rest[function + 1..])?;
    Some((*mark, &rest[..end], &rest[end + 1..]))
}

/// Groups the goroutines of a dump that is fed to it piece by piece.
#[pyclass(name = "GoroutineGrouper")]
struct PyGrouper {
    inner: Grouper,
}

#[pymethods]
impl PyGrouper {
    #[new]
    fn new(max_bytes: Option<usize>) -> Self {
        PyGrouper {
            inner: Grouper::new(max_bytes.unwrap_or(usize::MAX)),
        }
    }

    /// Take the next bytes of the dump.
    fn feed(&mut self, py: Python<'_>, chunk: &[u8]) -> PyResult<()> {
        let inner = &mut self.inner;
        Ok(py.detach(|| inner.feed(chunk))?)
    }

    /// End the dump and return its groups; the grouper is used up.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut inner = std::mem::replace(&mut self.inner, Grouper::new(0));
        inner.finish()?;
        let keys = inner.keys();
        let mut groups = Groups {
            frame_start: vec![0],
            ..Groups::default()
        };
        for (key, group) in keys.iter().zip(&inner.groups) {
            groups.add(key, group.at)?;
        }
        columns(Table::new(py), &inner, groups)
    }
}

fn columns<'py>(
    table: Table<'py>,
    inner: &Grouper,
    groups: Groups,
) -> PyResult<Bound<'py, PyDict>> {
    table.set("total", inner.total)?;
    table.set("truncated", inner.truncated)?;
    table.strings("states", &groups.states)?;
    table.column(
        "count",
        inner.groups.iter().map(|group| group.count).collect(),
    )?;
    table.column(
        "locked",
        inner.groups.iter().map(|group| group.locked).collect(),
    )?;
    table.column(
        "wait_min",
        inner
            .groups
            .iter()
            .map(|group| group.wait_minutes[0])
            .collect(),
    )?;
    table.column(
        "wait_max",
        inner
            .groups
            .iter()
            .map(|group| group.wait_minutes[1])
            .collect(),
    )?;
    table.set(
        "ids",
        inner
            .groups
            .iter()
            .map(|group| group.ids.clone())
            .collect::<Vec<_>>(),
    )?;
    groups.put_places(&table)?;
    table.column("elided", groups.elided)?;
    table.column("creator", groups.creator)?;
    table.column("frame_start", groups.frame_start)?;
    table.column("frame", groups.frame)?;
    Ok(table.0)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyGrouper>()
}
