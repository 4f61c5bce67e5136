//! The frames of many addresses as columns; each name is there once.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::functions::Tables;
use super::names::printed;
use crate::columns::Table;
use crate::intern::Interner;
use crate::problem::{Parsed, problem};

/// Rows one answer may have; a program's every call site has fewer.
const MAX_ROWS: usize = 1 << 22;

#[derive(Default)]
pub struct Named<'a> {
    start: Vec<i64>,
    function: Vec<i32>,
    file: Vec<i32>,
    line: Vec<i32>,
    start_line: Vec<i32>,
    functions: Interner<'a>,
    files: Interner<'a>,
}

impl<'a> Named<'a> {
    /// Returns the frames of each call address, leaf first, inlined calls unfolded.
    pub fn of(tables: &Tables<'a>, pcs: &[u64]) -> Parsed<Named<'a>> {
        let mut rows = Named {
            start: vec![0],
            ..Named::default()
        };
        for pc in pcs {
            tables.frames(*pc, |frame| {
                let (function, file) = (
                    rows.functions.number(frame.function),
                    rows.files.number(frame.file),
                );
                let (Some(function), Some(file)) = (function, file) else {
                    return problem("too many names", 0);
                };
                if rows.line.len() >= MAX_ROWS {
                    return problem("too many inlined calls", 0);
                }
                rows.function.push(function);
                rows.file.push(file);
                rows.line.push(frame.line);
                rows.start_line.push(frame.start_line);
                Ok(())
            })?;
            rows.start.push(rows.line.len() as i64);
        }
        Ok(rows)
    }

    pub fn into_table(self, py: Python<'_>, generic_methods: bool) -> PyResult<Bound<'_, PyDict>> {
        let names = self.functions.names.iter();
        let names: Vec<_> = names.map(|name| printed(name, generic_methods)).collect();
        let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
        let table = Table::new(py);
        table.strings("names", &names)?;
        table.strings("files", &self.files.names)?;
        table.column("frame_start", self.start)?;
        table.column("function", self.function)?;
        table.column("file", self.file)?;
        table.column("line", self.line)?;
        table.column("start_line", self.start_line)?;
        Ok(table.0)
    }
}
