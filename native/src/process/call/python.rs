//! A call as Python sees it.

use std::time::Duration;

use libc::pid_t;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Call, Layout, Said, Wish};

/// The function, runtime.debugCallV2, the code that traps, the code that may be interrupted.
type Code = (u64, u64, Vec<(u64, u64)>, Vec<(u64, u64)>);
/// (g.m, g.atomicstatus, m.curg, m.mallocing).
type Places = (u64, u64, u64, u64);
/// What a caller says: what, a number that goes with it, and bytes.
type Words<'py> = (&'static str, u64, Bound<'py, PyBytes>);

/// A call that a process of its own makes. Forgetting it ends the search for a thread, and nothing after that.
#[pyclass(module = "mapmedic._native")]
struct ProgramCall {
    pid: pid_t,
    call: Call,
}

#[pymethods]
impl ProgramCall {
    /// Return what is said within ``within_ns`` as (what, number, bytes), None for nothing: looking process | called
    /// thread | returned | panicked type bytes | done | refused bytes | lost thread. WindowFailed gone where the
    /// caller has ended, not_permitted where no thread may be traced.
    fn hear<'py>(&mut self, py: Python<'py>, within_ns: u64) -> PyResult<Option<Words<'py>>> {
        let (pid, time) = (self.pid, Duration::from_nanos(within_ns));
        let said = py.detach(|| self.call.hear(pid, time))?;
        Ok(said.map(|said| {
            let (what, number, raw) = words(said);
            (what, number, PyBytes::new(py, &raw))
        }))
    }
}

fn words(said: Said) -> (&'static str, u64, Vec<u8>) {
    match said {
        Said::Looking(process) => ("looking", process as u64, Vec::new()),
        Said::Called(thread) => ("called", thread as u64, Vec::new()),
        Said::Returned => ("returned", 0, Vec::new()),
        Said::Panicked(kind, _, text) => ("panicked", kind, text),
        Said::Done => ("done", 0, Vec::new()),
        Said::Refused(why) => ("refused", 0, why.into_bytes()),
        Said::Lost(thread) => ("lost", thread as u64, Vec::new()),
    }
}

/// Have a process of its own call a function of ``pid``: ``code`` is (its entry, that of runtime.debugCallV2, the code
/// that traps [(start, end)], the code that may be interrupted, in order), ``places`` (g.m, g.atomicstatus, m.curg,
/// m.mallocing), ``free`` [(address, mask)] words that are 0 while a thread is chosen, ``patience`` (ns, tries).
#[pyfunction]
fn call_function(
    py: Python<'_>,
    pid: pid_t,
    code: Code,
    places: Places,
    free: Vec<(u64, u32)>,
    patience: (u64, u32),
) -> PyResult<ProgramCall> {
    let (function, debug_call, speakers, may_interrupt) = code;
    let wish = Wish {
        process: pid,
        function,
        debug_call,
        speakers,
        places: may_interrupt,
        layout: Layout {
            g_m: places.0,
            g_status: places.1,
            m_curg: places.2,
            m_mallocing: places.3,
        },
        free,
        within: Duration::from_nanos(patience.0),
        most_tries: patience.1,
    };
    let call = py.detach(|| Call::begin(&wish))?;
    Ok(ProgramCall { pid, call })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ProgramCall>()?;
    module.add_function(wrap_pyfunction!(call_function, module)?)
}
