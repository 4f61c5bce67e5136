//! The windows as Python sees them. A keeper thread has the tracer's role for as long as a copy lives.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use libc::{pid_t, user_regs_struct};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::failure::{Failure, Outcome};
use super::snapshot;
use super::stub;

pyo3::create_exception!(
    _native,
    WindowFailed,
    PyOSError,
    "Say (kind, number, doing): gone thread | not_permitted thread | too_slow thread | no_room address | \
     call_refused errno | kernel errno."
);

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        let (kind, number, doing) = match failure {
            Failure::Gone(thread) => ("gone", thread as u64, ""),
            Failure::NotPermitted(thread) => ("not_permitted", thread as u64, ""),
            Failure::TooSlow { thread, .. } => ("too_slow", thread as u64, ""),
            Failure::NoRoom(address) => ("no_room", address, ""),
            Failure::CallRefused(errno) => ("call_refused", errno as u64, ""),
            Failure::Kernel { doing, errno } => ("kernel", errno as u64, doing),
        };
        WindowFailed::new_err((kind, number, doing))
    }
}

/// What a keeper says once the copy is made.
struct Made {
    copy: pid_t,
    pause: Duration,
    registers: Vec<(pid_t, user_regs_struct)>,
}

/// Dropping the first tells the keeper to end the copy; the second says how that went.
type End = (Sender<()>, Receiver<Outcome<()>>);

/// A frozen copy of a process. `release()` ends it; so does forgetting it, and so does the end of ours.
#[pyclass(module = "mapmedic._native")]
struct ForkedCopy {
    #[pyo3(get)]
    pid: pid_t,
    #[pyo3(get)]
    pause_ns: u64,
    registers: Vec<(pid_t, user_regs_struct)>,
    end: Mutex<Option<End>>,
}

#[pymethods]
impl ForkedCopy {
    /// Return for each thread: its id, stack pointer, instruction pointer, and all general registers.
    fn threads(&self) -> Vec<(pid_t, u64, u64, Vec<u64>)> {
        self.registers
            .iter()
            .map(|(id, r)| (*id, r.rsp, r.rip, general(r)))
            .collect()
    }

    /// End the copy and reap it; WindowFailed where a zombie may have stayed.
    fn release(&mut self, py: Python<'_>) -> PyResult<()> {
        let end = self.end.get_mut().ok().and_then(Option::take);
        let Some((ask, answer)) = end else {
            return Ok(());
        };
        py.detach(move || {
            drop(ask);
            answer.recv().unwrap_or(Err(Failure::Gone(0)))
        })?;
        Ok(())
    }
}

fn general(r: &user_regs_struct) -> Vec<u64> {
    vec![
        r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13,
        r.r14, r.r15,
    ]
}

/// Fork a frozen copy of ``pid``. ``room``: the address of STUB_BYTES zero bytes that are executable and
/// never used. The process is let go, with no copy made, where stopping it would take over ``max_pause_ns``.
#[pyfunction]
fn fork_copy(py: Python<'_>, pid: pid_t, room: u64, max_pause_ns: u64) -> PyResult<ForkedCopy> {
    let allowed = Duration::from_nanos(max_pause_ns);
    let (say, hear) = channel();
    let (ask, asked) = channel::<()>();
    let (done, answer) = channel();
    thread::Builder::new()
        .name("mapmedic-keeper".into())
        .spawn(move || keep(pid, room, allowed, &say, &asked, &done))?;
    let made = py.detach(move || hear.recv().unwrap_or(Err(Failure::Gone(pid))))?;
    Ok(ForkedCopy {
        pid: made.copy,
        pause_ns: made.pause.as_nanos() as u64,
        registers: made.registers,
        end: Mutex::new(Some((ask, answer))),
    })
}

fn keep(
    pid: pid_t,
    room: u64,
    allowed: Duration,
    say: &Sender<Outcome<Made>>,
    asked: &Receiver<()>,
    done: &Sender<Outcome<()>>,
) {
    match snapshot::take(pid, room, allowed) {
        Err(failure) => drop(say.send(Err(failure))),
        Ok(taken) => {
            let (copy, pause, registers) = (taken.copy, taken.pause, taken.registers.clone());
            // Nobody there to hear it: the copy is ended all the same.
            let _ = say.send(Ok(Made {
                copy,
                pause,
                registers,
            }));
            let _ = asked.recv(); // until the other end is dropped
            let _ = done.send(taken.release(room, allowed));
        }
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("WindowFailed", module.py().get_type::<WindowFailed>())?;
    module.add("STUB_BYTES", stub::MAX_BYTES)?;
    module.add_class::<ForkedCopy>()?;
    module.add_function(wrap_pyfunction!(fork_copy, module)?)
}
