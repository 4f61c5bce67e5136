//! Stacks as Python sees them.

use std::collections::HashMap;
use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::code::Code;
use super::maps::FrameMaps;
use super::met::Met;
use super::roots::{Root, Roots, Scan};
use super::start::{Found, Goroutine, StackLayout, Starts};
use super::unwind::{End, Frame, MOST_FRAMES, unwind};
use crate::columns::{Table, read};
use crate::gobinary::{Loaded, Named, References, printed};
use crate::gocode;
use crate::image::{Image, PyImage};
use crate::problem::Parsed;

/// src/runtime/proc.go, maxstacksize on 64 bits, rounded up.
const MOST_STACK_BYTES: u64 = 1 << 30;

/// A program's functions as they lie in the memory of its process.
#[pyclass(module = "mapmedic._native", frozen)]
struct GoCode {
    loaded: Loaded,
    met: Met,
}

#[pymethods]
impl GoCode {
    /// Read the tables that the moduledata at ``module`` leads to; Malformed where they are not there.
    #[new]
    fn new(image: &PyImage, module: u64) -> PyResult<Self> {
        Ok(GoCode {
            loaded: Loaded::read(image.image.clone(), module)?,
            met: Met::default(),
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

    /// Return (entry, name, bytes of arguments on the stack) of the function that ``pc`` is in, None outside of the
    /// program's Go code.
    fn function(&self, pc: u64) -> PyResult<Option<(u64, String, u32)>> {
        let tables = self.loaded.tables();
        let found = tables.function_at(pc)?.map(|function| {
            let name = printed(function.name(), self.loaded.layout.generic_methods);
            (
                pc - function.distance(pc),
                String::from_utf8_lossy(&name).into_owned(),
                function.arguments().max(0) as u32,
            )
        });
        Ok(found.filter(|_| self.loaded.text.contains(&pc)))
    }

    /// Look through the code for operands that are variables in [start, end); None where not all of it is there.
    fn references(&self, py: Python<'_>, start: u64, end: u64) -> Option<GoReferences> {
        let text = &self.loaded.text;
        let bytes = usize::try_from(text.end.checked_sub(text.start)?).ok()?;
        py.detach(|| {
            let code = self.loaded.image.slice(text.start, bytes)?;
            let references = References::find(code, text.start, start..end);
            Some(GoReferences { references })
        })
    }

    /// Return the variables in [start, end) that the code of the function called ``name`` names; None where there is
    /// no such function, or its code is not there.
    fn operands(&self, name: &str, start: u64, end: u64) -> Option<Vec<u64>> {
        let tables = self.loaded.tables();
        let code = tables.code_of(|each| each == name.as_bytes()).next()?;
        self.named_in(code, start..end)
    }

    /// Return the variables in [start, end) that the code of functions whose names begin with ``prefix`` names.
    fn package_operands(&self, prefix: &str, start: u64, end: u64) -> Vec<u64> {
        let tables = self.loaded.tables();
        let codes = tables.code_of(|each| each.starts_with(prefix.as_bytes()));
        codes
            .filter_map(|code| self.named_in(code, start..end))
            .flatten()
            .collect()
    }

    /// Return what the code says of the types of variables in ``variables``, of captured ones and of frames that stand
    /// at the return addresses ``standing``: (where it begins, address, place, offsets from there on, whether it is
    /// a map, type). ``types`` and ``variables``: [start, end).
    fn said_types(
        &self,
        py: Python<'_>,
        types: (u64, u64),
        variables: (u64, u64),
        standing: &[u8],
    ) -> PyResult<Vec<PyEvidence>> {
        let standing: Vec<u64> = read(standing)?;
        let program = gocode::Program {
            loaded: &self.loaded,
            types: types.0..types.1,
            variables: variables.0..variables.1,
            standing: standing.into_iter().collect(),
        };
        let found = py.detach(|| gocode::find(&program));
        Ok(found.into_iter().map(told).collect())
    }

    /// Unwind each of ``goroutines`` (addresses of gs). ``threads``: (id, stack pointer, instruction pointer).
    /// Return columns: by goroutine its id, state, stack, thread, where it was found, how its unwinding ended
    /// and where its frames begin; by frame where it is; by root, certain or doubtful, its address and its word.
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
        let image = &self.loaded.image;
        let stacks = py.detach(|| self.unwind_all(image, &layout, &goroutines, &threads))?;
        stacks.into_table(py)
    }

    /// Return [start, end) of the code of each function whose name begins with one of ``prefixes``.
    fn code_of(&self, prefixes: Vec<String>) -> Vec<(u64, u64)> {
        let is_meant = |name: &[u8]| {
            prefixes
                .iter()
                .any(|each| name.starts_with(each.as_bytes()))
        };
        self.loaded.tables().code_of(is_meant).collect()
    }

    /// Return [start, end) of the code of each function that has one inlined whose name begins with one of ``prefixes``.
    fn code_inlining(&self, prefixes: Vec<String>) -> PyResult<Vec<(u64, u64)>> {
        let is_meant = |name: &[u8]| {
            prefixes
                .iter()
                .any(|each| name.starts_with(each.as_bytes()))
        };
        Ok(self.loaded.tables().code_inlining(is_meant)?)
    }

    /// Unwind every goroutine of process ``pid``, which stands still, as ``unwind`` does; ``list`` is the address of
    /// runtime.allgs. Return None where their stacks have more than ``most_bytes``, or the list makes no sense.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn unwind_standing<'py>(
        &self,
        py: Python<'py>,
        pid: i32,
        layout: StackLayout,
        list: u64,
        threads: Vec<(u64, u64, u64)>,
        most_bytes: usize,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let threads = threads
            .into_iter()
            .map(|(id, sp, pc)| (id, (sp, pc)))
            .collect();
        let stacks = py.detach(|| -> PyResult<_> {
            let read = super::standing::read(pid, &layout, list, &threads, most_bytes)?;
            let unwound =
                read.map(|all| self.unwind_all(&all.image, &layout, &all.goroutines, &threads));
            Ok(unwound.transpose()?)
        })?;
        stacks.map(|stacks| stacks.into_table(py)).transpose()
    }
}

/// Where it begins, address, place there, offsets, whether it is a map, type.
type PyEvidence = (&'static str, u64, i64, Vec<u64>, bool, u64);

fn told(each: gocode::Evidence) -> PyEvidence {
    let (kind, address, place) = match each.start {
        gocode::Start::Word(at) => ("word", at, 0),
        gocode::Start::Closure(entry) => ("closure", entry, 0),
        gocode::Start::Slot(pc, at) => ("slot", pc, at),
        gocode::Start::Header(entry, at) => ("header", entry, at),
    };
    let (is_map, said) = match each.said {
        gocode::Said::Map(said) => (true, said),
        gocode::Said::Values(said) => (false, said),
    };
    (kind, address, place, each.offsets, is_map, said)
}

/// Which instructions name which global variables.
#[pyclass(module = "mapmedic._native", frozen)]
struct GoReferences {
    references: References,
}

#[pymethods]
impl GoReferences {
    /// Return (instruction, whether it writes) for each that names the variable that the word at ``address`` is in.
    fn naming(&self, address: u64) -> Vec<(u64, bool)> {
        self.references.naming(address)
    }
}

impl GoCode {
    fn named_in(&self, (first, behind): (u64, u64), variables: Range<u64>) -> Option<Vec<u64>> {
        let bytes = usize::try_from(behind.checked_sub(first)?).ok()?;
        let code = self.loaded.image.slice(first, bytes)?;
        Some(References::find(code, first, variables).named())
    }

    fn unwind_all(
        &self,
        image: &Image,
        layout: &StackLayout,
        goroutines: &[u64],
        threads: &HashMap<u64, (u64, u64)>,
    ) -> Parsed<Stacks> {
        let starts = Starts {
            image,
            layout,
            threads,
        };
        let (places, known) = self.met.take();
        let mut code = Code::new(&self.loaded, places);
        let mut maps = FrameMaps::new(&self.loaded, known);
        let mut stacks = Stacks::default();
        for &g in goroutines {
            let Some((goroutine, start)) = starts.of(g, &mut code)? else {
                stacks.add_unreadable();
                continue;
            };
            let first = stacks.frames.len();
            let end = match start {
                Err(end) => end,
                Ok(start) => unwind(image, &mut code, start, goroutine.stack, |frame| {
                    stacks.frames.push(frame);
                    stacks.frames.len() < MOST_FRAMES
                })?,
            };
            let frames = &stacks.frames[first..];
            let scan = Scan::new(image, layout, &mut maps);
            let (low, high) = goroutine.stack;
            let lowest = frames.first().map_or(low, |frame| frame.sp);
            let most = high.min(low.saturating_add(MOST_STACK_BYTES));
            // Bounds that nobody has checked are believed as far as there is memory behind them.
            let is_there = image.covers(lowest, most.saturating_sub(lowest) as usize);
            let (used, roots) = match (end, frames.last()) {
                (End::Whole, Some(last)) => {
                    (lowest..last.fp, scan.frames(g, &goroutine, frames, &code)?)
                }
                (End::NoStack, _) => (0..0, Roots::default()),
                _ if is_there => (lowest..most, scan.whole(lowest, most)),
                _ => (0..0, Roots::default()),
            };
            stacks.add(&goroutine, used, end, roots);
        }
        self.met.put_back(code.known, maps.known);
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
    context: Vec<u64>,
    /// [first, last) of the addresses in use.
    used_low: Vec<u64>,
    used_high: Vec<u64>,
    found: Vec<u8>,
    end: Vec<u8>,
    certain: Lists,
    doubtful: Lists,
    /// Where the frames of each goroutine end; those of the first begin at 0.
    frame_start: Vec<i64>,
    frames: Vec<Frame>,
}

/// Words of all stacks, those of one behind those of the other.
#[derive(Default)]
struct Lists {
    /// Where those of each goroutine end.
    ends: Vec<i64>,
    roots: Vec<Root>,
}

impl Lists {
    fn add(&mut self, roots: Vec<Root>) {
        self.roots.extend(roots);
        self.ends.push(self.roots.len() as i64);
    }

    fn into_table(mut self, table: &Table<'_>, name: &str) -> PyResult<()> {
        self.ends.insert(0, 0);
        table.column(&format!("{name}_start"), self.ends)?;
        let add = |what: &str, value: fn(&Root) -> u64| {
            table.column(
                &format!("{name}_{what}"),
                self.roots.iter().map(value).collect(),
            )
        };
        add("address", |root| root.address)?;
        add("word", |root| root.word)?;
        add("before", |root| root.before)
    }
}

impl Stacks {
    fn add_unreadable(&mut self) {
        let unknown = Goroutine {
            id: 0,
            status: 0,
            stack: (0, 0),
            thread: 0,
            found: Found::Nowhere,
            context: 0,
        };
        self.add(&unknown, 0..0, End::Unreadable, Roots::default());
    }

    fn add(&mut self, goroutine: &Goroutine, used: Range<u64>, end: End, roots: Roots) {
        self.id.push(goroutine.id);
        self.state.push(goroutine.status as u8);
        self.low.push(goroutine.stack.0);
        self.high.push(goroutine.stack.1);
        self.thread.push(goroutine.thread);
        self.context.push(goroutine.context);
        self.used_low.push(used.start);
        self.used_high.push(used.end);
        self.found.push(goroutine.found as u8);
        self.end.push(end as u8);
        self.frame_start.push(self.frames.len() as i64);
        self.certain.add(roots.certain);
        self.doubtful.add(roots.doubtful);
    }

    fn into_table(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let table = Table::new(py);
        table.column("id", self.id)?;
        table.column("state", self.state)?;
        table.column("low", self.low)?;
        table.column("high", self.high)?;
        table.column("thread", self.thread)?;
        table.column("context", self.context)?;
        table.column("used_low", self.used_low)?;
        table.column("used_high", self.used_high)?;
        table.column("found", self.found)?;
        table.column("end", self.end)?;
        self.certain.into_table(&table, "certain")?;
        self.doubtful.into_table(&table, "doubtful")?;
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
    module.add_class::<GoReferences>()?;
    module.add_class::<GoCode>()
}
