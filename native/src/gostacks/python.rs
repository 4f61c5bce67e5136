//! Stacks as Python sees them.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::code::Code;
use super::start::{Found, StackLayout, Starts};
use super::unwind::{End, Frame, MOST_FRAMES, unwind};
use crate::columns::{Table, read};
use crate::gobinary::{Loaded, Named, printed};
use crate::image::PyImage;
use crate::problem::Parsed;

/// A program's functions as they lie in the memory of its process.
#[pyclass(module = "mapmedic._native", frozen)]
struct GoCode {
    loaded: Loaded,
}

#[pymethods]
impl GoCode {
    /// Read the tables that the moduledata at ``module`` leads to; Malformed where they are not there.
    #[new]
    fn new(image: &PyImage, module: u64) -> PyResult<Self> {
        Ok(GoCode {
            loaded: Loaded::read(image.image.clone(), module)?,
        })
    }

    /// Return the text's first address and the one behind its last.
    #[getter]
    fn text(&self) -> (u64, u64) {
        (self.loaded.text.start, self.loaded.text.end)
    }

    /// Return the frames of each call address as columns, as GoBinary.frames does.
    fn frames<'py>(&self, py: Python<'py>, pcs: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let pcs: Vec<u64> = read(pcs)?;
        Named::of(&self.loaded.tables(), &pcs)?.into_table(py, self.loaded.layout.generic_methods)
    }

    /// Return (entry, name) of the function that ``pc`` is in, None outside of the program's Go code.
    fn function(&self, pc: u64) -> PyResult<Option<(u64, String)>> {
        let tables = self.loaded.tables();
        let found = tables.function_at(pc)?.map(|function| {
            let name = printed(function.name(), self.loaded.layout.generic_methods);
            (
                pc - function.distance(pc),
                String::from_utf8_lossy(&name).into_owned(),
            )
        });
        Ok(found.filter(|_| self.loaded.text.contains(&pc)))
    }

    /// Unwind each of ``goroutines`` (addresses of gs). ``threads``: (id, stack pointer, instruction pointer).
    /// Return columns: by goroutine its id, state, stack, thread, where it was found, how its unwinding ended
    /// and where its frames begin; by frame where it is.
    fn unwind<'py>(
        &self,
        py: Python<'py>,
        layout: StackLayout,
        goroutines: &[u8],
        threads: Vec<(u64, u64, u64)>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let goroutines: Vec<u64> = read(goroutines)?;
        let threads = threads
            .into_iter()
            .map(|(id, sp, pc)| (id, (sp, pc)))
            .collect();
        let stacks = py.detach(|| self.unwind_all(&layout, &goroutines, &threads))?;
        stacks.into_table(py)
    }
}

impl GoCode {
    fn unwind_all(
        &self,
        layout: &StackLayout,
        goroutines: &[u64],
        threads: &HashMap<u64, (u64, u64)>,
    ) -> Parsed<Stacks> {
        let image = &self.loaded.image;
        let starts = Starts {
            image,
            layout,
            threads,
        };
        let mut code = Code::new(&self.loaded);
        let mut stacks = Stacks::default();
        for &g in goroutines {
            let Some((goroutine, start)) = starts.of(g, &mut code)? else {
                stacks.add_unreadable();
                continue;
            };
            stacks.id.push(goroutine.id);
            stacks.state.push(goroutine.status as u8);
            stacks.low.push(goroutine.stack.0);
            stacks.high.push(goroutine.stack.1);
            stacks.thread.push(goroutine.thread);
            stacks.found.push(goroutine.found as u8);
            let frames = &mut stacks.frames;
            let end = match start {
                Err(end) => end,
                Ok(start) => unwind(image, &mut code, start, goroutine.stack, |frame, _| {
                    frames.push(frame);
                    frames.len() < MOST_FRAMES
                })?,
            };
            stacks.end.push(end as u8);
            stacks.frame_start.push(stacks.frames.len() as i64);
        }
        Ok(stacks)
    }
}

#[derive(Default)]
struct Stacks {
    id: Vec<u64>,
    state: Vec<u8>,
    low: Vec<u64>,
    high: Vec<u64>,
    thread: Vec<u64>,
    found: Vec<u8>,
    end: Vec<u8>,
    /// Where the frames of each goroutine end; those of the first begin at 0.
    frame_start: Vec<i64>,
    frames: Vec<Frame>,
}

impl Stacks {
    fn add_unreadable(&mut self) {
        for column in [
            &mut self.id,
            &mut self.low,
            &mut self.high,
            &mut self.thread,
        ] {
            column.push(0);
        }
        self.state.push(0);
        self.found.push(Found::Nowhere as u8);
        self.end.push(End::Unreadable as u8);
        self.frame_start.push(self.frames.len() as i64);
    }

    fn into_table(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let table = Table::new(py);
        table.column("id", self.id)?;
        table.column("state", self.state)?;
        table.column("low", self.low)?;
        table.column("high", self.high)?;
        table.column("thread", self.thread)?;
        table.column("found", self.found)?;
        table.column("end", self.end)?;
        self.frame_start.insert(0, 0);
        table.column("frame_start", self.frame_start)?;
        let add = |name: &str, value: fn(&Frame) -> u64| {
            table.column(name, self.frames.iter().map(value).collect())
        };
        add("pc", |frame| frame.pc)?;
        add("call", |frame| frame.call)?;
        add("entry", |frame| frame.entry)?;
        add("sp", |frame| frame.sp)?;
        add("fp", |frame| frame.fp)?;
        Ok(table.0)
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<GoCode>()
}
