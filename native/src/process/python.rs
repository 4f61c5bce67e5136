//! The windows as Python sees them.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use libc::pid_t;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::call;
use super::catch::{Bits, Word, catch};
use super::failure::{Failure, Outcome};
use super::guardian::Guardian;
use super::held::Held;
use super::job_control::Unstopped;
use super::keeper::{self, Copy, Hold, Released, Teller, Wish, keep, keep_guarded, refuse_all};
use super::scattered;
use super::snapshot;
use super::stub;
use super::watchpoint;
use super::window::Window;

pyo3::create_exception!(
    _native,
    WindowFailed,
    PyException,
    "Say (kind, number, doing): gone thread | not_permitted thread | too_slow thread | no_room address | \
     changed address | not_whole address | in_part address | not_there address | unanswered process | \
     call_refused errno | no_watchpoint errno | nothing_caught | other_machine | kernel errno."
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
            Failure::InPart(address) => ("in_part", address, ""),
            Failure::NotThere(address) => ("not_there", address, ""),
            Failure::Unanswered(process) => ("unanswered", process as u64, ""),
            Failure::CallRefused(errno) => ("call_refused", errno as u64, ""),
            Failure::NoWatchpoint(errno) => ("no_watchpoint", errno as u64, ""),
            Failure::NothingCaught => ("nothing_caught", 0, ""),
            Failure::OtherMachine => ("other_machine", 0, ""),
            Failure::Kernel { doing, errno } => ("kernel", errno as u64, doing),
        };
        WindowFailed::new_err((kind, number, doing))
    }
}

/// A word that is watched: its address, what may be added to it, and the changes that are waited for, each as
/// (mask, value) before and (mask, value) after.
type WatchedWord = (u64, Vec<i32>, Vec<(u32, u32, u32, u32)>);

/// Fork a frozen copy of ``pid`` and let it run on. ``room``: the address of STUB_BYTES zero bytes that are
/// executable and never used. WindowFailed, with no copy made, where that would take over ``max_pause_ns``.
#[pyfunction]
fn fork_copy(py: Python<'_>, pid: pid_t, room: u64, max_pause_ns: u64) -> PyResult<Held> {
    let allowed = Duration::from_nanos(max_pause_ns);
    hold(py, pid, move |teller, asked, _| {
        let taken = snapshot::take(pid, room, allowed)?;
        let pause = taken.pause;
        teller.tell(Hold::of(&taken));
        refuse_all(asked, pid);
        Ok((pause, taken.release(room, allowed)))
    })
}

/// Stop every thread of ``pid``. The process is let go at the latest after ``max_pause_ns``, asked or not.
#[pyfunction]
fn stop_process(py: Python<'_>, pid: pid_t, max_pause_ns: u64) -> PyResult<Held> {
    let allowed = Duration::from_nanos(max_pause_ns);
    hold(py, pid, move |teller, asked, after| {
        let _unstopped = Unstopped::new();
        let window = Window::open(pid, allowed)?;
        keep(window, Vec::new(), teller, asked, (after, allowed))
    })
}

/// Stop every thread of ``pid`` when one of them changes one of ``words`` as it is waited for, and let it go at the
/// latest after ``max_pause_ns``. WindowFailed nothing_caught where none did within ``armed_ns``; no_watchpoint where
/// the kernel gives none.
#[pyfunction]
fn catch_write(
    py: Python<'_>,
    pid: pid_t,
    words: Vec<WatchedWord>,
    armed_ns: u64,
    max_pause_ns: u64,
) -> PyResult<Held> {
    let (armed, allowed) = (
        Duration::from_nanos(armed_ns),
        Duration::from_nanos(max_pause_ns),
    );
    let words: Vec<Word> = words.into_iter().map(watched).collect();
    hold(py, pid, move |teller, asked, after| {
        let _unstopped = Unstopped::new();
        let (window, writes) = catch(pid, &words, armed, allowed)?;
        let writes = writes
            .into_iter()
            .map(|each| {
                (
                    each.thread,
                    each.address,
                    each.written.old,
                    each.written.new,
                )
            })
            .collect();
        keep(window, writes, teller, asked, (after, allowed))
    })
}

fn watched((address, summands, wanted): WatchedWord) -> Word {
    let wanted = wanted
        .into_iter()
        .map(|(mask, value, new_mask, new_value)| {
            let to = Bits {
                mask: new_mask,
                value: new_value,
            };
            (Bits { mask, value }, to)
        })
        .collect();
    Word {
        address,
        summands,
        wanted,
    }
}

/// As ``stop_process``, but it is a process of its own that holds it: what it has been asked to write is written to the
/// last byte, whatever becomes of us meanwhile.
#[pyfunction]
fn stop_guarded(py: Python<'_>, pid: pid_t, max_pause_ns: u64) -> PyResult<Held> {
    let allowed = Duration::from_nanos(max_pause_ns);
    hold(py, pid, move |teller, asked, _| {
        let (mut guardian, registers) = Guardian::open(pid, allowed)?;
        teller.tell(Hold {
            pid,
            registers,
            writes: Vec::new(),
        });
        keep_guarded(&mut guardian, asked);
        Ok((guardian.close()?, true))
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

/// Return the errno with which the kernel refuses a watchpoint on a thread of ours; None where it gives one.
#[pyfunction]
fn watchpoint_refusal() -> Option<i32> {
    let refused = watchpoint::probe().err()?;
    Some(refused.raw_os_error().unwrap_or(0))
}

/// Has a keeper hold what `keep` says.
fn hold<F>(py: Python<'_>, pid: pid_t, keep: F) -> PyResult<Held>
where
    F: FnOnce(&mut Teller, &Receiver<Wish>, &mut Option<Copy>) -> Outcome<Released>
        + Send
        + 'static,
{
    Ok(Held::new(py.detach(|| keeper::start(pid, keep))?))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("WindowFailed", module.py().get_type::<WindowFailed>())?;
    module.add("STUB_BYTES", stub::MAX_BYTES)?;
    module.add("STUB_MARK", PyBytes::new(module.py(), &stub::MARK))?;
    module.add_class::<Held>()?;
    module.add_function(wrap_pyfunction!(fork_copy, module)?)?;
    module.add_function(wrap_pyfunction!(stop_process, module)?)?;
    module.add_function(wrap_pyfunction!(catch_write, module)?)?;
    module.add_function(wrap_pyfunction!(stop_guarded, module)?)?;
    module.add_function(wrap_pyfunction!(watchpoint_refusal, module)?)?;
    module.add_function(wrap_pyfunction!(read_scattered, module)?)?;
    call::register(module)
}
