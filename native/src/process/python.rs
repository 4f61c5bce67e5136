//! The windows as Python sees them. A keeper thread has the tracer's role for as long as something is held.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use libc::{pid_t, user_regs_struct};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::failure::{Failure, Outcome};
use super::scattered;
use super::snapshot;
use super::stub;
use super::sys;
use super::window::Window;
use super::writing::Change;

pyo3::create_exception!(
    _native,
    WindowFailed,
    PyException,
    "Say (kind, number, doing): gone thread | not_permitted thread | too_slow thread | no_room address | \
     changed address | not_whole address | call_refused errno | other_machine | kernel errno."
);

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        let (kind, number, doing) = match failure {
            Failure::Gone(thread) => ("gone", thread as u64, ""),
            Failure::NotPermitted(thread) => ("not_permitted", thread as u64, ""),
            Failure::TooSlow(thread) => ("too_slow", thread as u64, ""),
            Failure::NoRoom(address) => ("no_room", address, ""),
            Failure::Changed(address) => ("changed", address, ""),
            Failure::NotWhole(address) => ("not_whole", address, ""),
            Failure::CallRefused(errno) => ("call_refused", errno as u64, ""),
            Failure::OtherMachine => ("other_machine", 0, ""),
            Failure::Kernel { doing, errno } => ("kernel", errno as u64, doing),
        };
        WindowFailed::new_err((kind, number, doing))
    }
}

type Registers = Vec<(pid_t, user_regs_struct)>;
/// A thread's id, its stack pointer, its instruction pointer, and its other general registers.
type ThreadState = (pid_t, u64, u64, Vec<u64>);

/// What a keeper says once it holds something.
struct Hold {
    pid: pid_t,
    registers: Registers,
}

/// How long the process stood still, and whether nothing of us is left in it.
type Released = (Duration, bool);
/// Asks the keeper to write, and to say how that went.
type Wish = (Vec<Change>, Sender<Outcome<()>>);
/// Dropping the first tells the keeper to let go; the second says how that went.
type End = (Sender<Wish>, Receiver<Outcome<Released>>);

/// A process, or a frozen copy of one, that stands still. `release()` lets it go; so does forgetting it, and so
/// does the end of ours.
#[pyclass(module = "mapmedic._native")]
struct Held {
    #[pyo3(get)]
    pid: pid_t,
    registers: Registers,
    end: Mutex<Option<End>>,
}

#[pymethods]
impl Held {
    /// Return for each thread: its id, stack pointer, instruction pointer and other general registers.
    fn threads(&self) -> Vec<ThreadState> {
        self.registers
            .iter()
            .map(|(id, r)| (*id, r.rsp, r.rip, general(r)))
            .collect()
    }

    /// Write each of ``changes`` [(address, old, new)], in order, while it stands still. WindowFailed, with nothing
    /// written: changed (something else than ``old`` lies there), not_whole (one crosses a page), too_slow or gone
    /// (it was let go before). WindowFailed kernel: not all of them were written.
    fn write(&self, py: Python<'_>, changes: Vec<(u64, Vec<u8>, Vec<u8>)>) -> PyResult<()> {
        let changes = changes
            .into_iter()
            .map(|(address, old, new)| Change { address, old, new })
            .collect();
        let (say, hear) = channel();
        {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            let (ask, _) = end.as_ref().ok_or(Failure::Gone(self.pid))?;
            let late = Failure::TooSlow(self.pid);
            ask.send((changes, say)).map_err(|_| late)?;
        }
        let late = || Err(Failure::TooSlow(self.pid));
        Ok(py.detach(move || hear.recv().unwrap_or_else(|_| late()))?)
    }

    /// Let go, and return for how many nanoseconds the process stood still, and whether nothing of us is left
    /// in it: a copy that could not be reaped stays in its list of children. WindowFailed too_slow where it was
    /// let go before, because its time was up (what was read is of no single moment), gone where that was done.
    fn release(&mut self, py: Python<'_>) -> PyResult<(u64, bool)> {
        let end = self.end.get_mut().ok().and_then(Option::take);
        let (ask, answer) = end.ok_or(Failure::Gone(self.pid))?;
        let (pause, clean) = py.detach(move || {
            drop(ask);
            answer.recv().unwrap_or(Err(Failure::Gone(0)))
        })?;
        Ok((pause.as_nanos() as u64, clean))
    }
}

fn general(r: &user_regs_struct) -> Vec<u64> {
    vec![
        r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13,
        r.r14, r.r15,
    ]
}

/// Fork a frozen copy of ``pid`` and let it run on. ``room``: the address of STUB_BYTES zero bytes that are
/// executable and never used. WindowFailed, with no copy made, where that would take over ``max_pause_ns``.
#[pyfunction]
fn fork_copy(py: Python<'_>, pid: pid_t, room: u64, max_pause_ns: u64) -> PyResult<Held> {
    let allowed = Duration::from_nanos(max_pause_ns);
    hold(py, pid, move |teller, asked| {
        let taken = snapshot::take(pid, room, allowed)?;
        let (pause, registers) = (taken.pause, taken.registers.clone());
        teller.tell(Hold {
            pid: taken.copy,
            registers,
        });
        while let Ok((_, say)) = asked.recv() {
            // A copy is never run: nothing of it is anybody's to write.
            let _ = say.send(Err(Failure::Gone(pid)));
        }
        Ok((pause, taken.release(room, allowed)))
    })
}

/// Stop every thread of ``pid``. The process is let go at the latest after ``max_pause_ns``, asked or not.
#[pyfunction]
fn stop_process(py: Python<'_>, pid: pid_t, max_pause_ns: u64) -> PyResult<Held> {
    let allowed = Duration::from_nanos(max_pause_ns);
    hold(py, pid, move |teller, asked| {
        let window = Window::open(pid, allowed)?;
        let registers = window.threads.iter().map(|t| (t.id, t.registers)).collect();
        teller.tell(Hold { pid, registers });
        let end = loop {
            match asked.recv_timeout(window.time_left()) {
                // Whoever asked may have gone since.
                Ok((changes, say)) => drop(say.send(window.write(&changes))),
                Err(end) => break end,
            }
        };
        let late = end == RecvTimeoutError::Timeout;
        let pause = window.close();
        if late {
            Err(Failure::TooSlow(pid))
        } else {
            Ok((pause, true))
        }
    })
}

/// Return what lies at each of ``places`` [(address, bytes)] of ``pid``, whether it stands still or runs; None where
/// not all of it can be read.
#[pyfunction]
fn read_scattered<'py>(
    py: Python<'py>,
    pid: pid_t,
    places: Vec<(u64, usize)>,
) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
    let found = py.detach(|| scattered::read(pid, &places))?;
    Ok(found
        .into_iter()
        .map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes)))
        .collect())
}

/// Runs `keep` in a thread of its own and returns once it has said what it holds, or why it could not.
fn hold<F>(py: Python<'_>, pid: pid_t, keep: F) -> PyResult<Held>
where
    F: FnOnce(&mut Teller, &Receiver<Wish>) -> Outcome<Released> + Send + 'static,
{
    let (say, hear) = channel();
    let (ask, asked) = channel::<Wish>();
    let (done, answer) = channel();
    thread::Builder::new()
        .name("mapmedic-keeper".into())
        .spawn(move || {
            sys::run_first();
            let mut teller = Teller(Some(say));
            let how = keep(&mut teller, &asked);
            match (teller.0, how) {
                // It never came to a hold.
                (Some(say), Err(failure)) => drop(say.send(Err(failure))),
                (_, how) => drop(done.send(how)),
            }
        })?;
    let held = py.detach(move || hear.recv().unwrap_or(Err(Failure::Gone(pid))))?;
    Ok(Held {
        pid: held.pid,
        registers: held.registers,
        end: Mutex::new(Some((ask, answer))),
    })
}

/// Says once what is held. Where nobody hears it any more, the keeper lets go all the same.
struct Teller(Option<Sender<Outcome<Hold>>>);

impl Teller {
    fn tell(&mut self, hold: Hold) {
        if let Some(say) = self.0.take() {
            let _ = say.send(Ok(hold));
        }
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("WindowFailed", module.py().get_type::<WindowFailed>())?;
    module.add("STUB_BYTES", stub::MAX_BYTES)?;
    module.add("STUB_MARK", PyBytes::new(module.py(), &stub::MARK))?;
    module.add_class::<Held>()?;
    module.add_function(wrap_pyfunction!(fork_copy, module)?)?;
    module.add_function(wrap_pyfunction!(stop_process, module)?)?;
    module.add_function(wrap_pyfunction!(read_scattered, module)?)
}
