//! What is held, as Python sees it.

use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};

use libc::{pid_t, user_regs_struct};
use pyo3::prelude::*;

use super::failure::Failure;
use super::keeper::{CaughtWrite, CopyWish, End, Hold, Teller, Wish};
use super::message::Registers;
use super::writing::Change;

/// A thread's id, its stack pointer, its instruction pointer, and its other general registers.
type ThreadState = (pid_t, u64, u64, Vec<u64>);

/// A process, or a frozen copy of one, that stands still. `release()` lets it go; so does forgetting it, and so
/// does the end of ours.
#[pyclass(module = "mapmedic._native")]
pub struct Held {
    #[pyo3(get)]
    pid: pid_t,
    registers: Registers,
    /// Who was caught right behind a write: [(thread, address, old, [new, …])].
    #[pyo3(get)]
    writes: Vec<CaughtWrite>,
    end: Mutex<Option<End>>,
}

impl Held {
    pub fn new((hold, end): (Hold, End)) -> Held {
        Held {
            pid: hold.pid,
            registers: hold.registers,
            writes: hold.writes,
            end: Mutex::new(Some(end)),
        }
    }
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
            ask.send(Wish::Write(changes, say)).map_err(|_| late)?;
        }
        let late = || Err(Failure::TooSlow(self.pid));
        Ok(py.detach(move || hear.recv().unwrap_or_else(|_| late()))?)
    }

    /// Fork a frozen copy of it while it stands still, and return that; ``room`` as of ``fork_copy``. It is held on its
    /// own, whatever becomes of the stop. WindowFailed where there is none: the stop is over then.
    fn fork(&self, py: Python<'_>, room: u64) -> PyResult<Held> {
        let (say, hear) = channel();
        let (ask, asked) = channel();
        let (done, answer) = channel();
        {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            let (keeper, _) = end.as_ref().ok_or(Failure::Gone(self.pid))?;
            let wish = CopyWish {
                room,
                teller: Teller::new(say),
                asked,
                done,
            };
            let late = Failure::TooSlow(self.pid);
            keeper.send(Wish::Fork(wish)).map_err(|_| late)?;
        }
        let late = || Err(Failure::TooSlow(self.pid));
        let held = py.detach(move || hear.recv().unwrap_or_else(|_| late()))?;
        Ok(Held::new((held, (ask, answer))))
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
