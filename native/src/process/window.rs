//! A moment in which every thread of a process stands still.
//!
//! All of it happens in one thread of ours: the kernel ties the tracer's role to the thread that took it, and
//! takes every hold back when that thread ends, however it ends. So a window cannot outlive us.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use libc::{c_int, pid_t, user_regs_struct};

use super::failure::{Failure, Outcome, because};
use super::sys::{self, Status};
use super::writing::{self, Change};

/// New threads are caught as they are made; system call stops are told from signals.
const OPTIONS: c_int = libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACESYSGOOD;
pub const POLL: Duration = Duration::from_micros(20);
/// A thread that has nothing more to do ends within this.
const ENDING: Duration = Duration::from_secs(1);

/// A thread that stands still, what it was doing, and the signal it is to be given when it runs again; 0 for none.
pub struct Thread {
    pub id: pid_t,
    pub registers: user_regs_struct,
    pub signal: c_int,
}

pub struct Window {
    pub process: pid_t,
    pub threads: Vec<Thread>,
    pub deadline: Instant,
    asked_at: Instant,
}

impl Window {
    /// Stops every thread of `process`; lets all of them go again where that takes longer than `allowed`.
    pub fn open(process: pid_t, allowed: Duration) -> Outcome<Window> {
        let ids = seize_all(process)?;
        Window::interrupt(process, &ids, allowed)
    }

    /// Stops one thread of `process`, whichever can be had; the others run on.
    pub fn open_one(process: pid_t, allowed: Duration) -> Outcome<Window> {
        let mut last = Failure::Gone(process);
        for id in thread_ids(process)? {
            match sys::seize(id, OPTIONS) {
                Ok(()) => return Window::interrupt(process, &[id], allowed),
                Err(error) => last = because("seizing a thread", id)(error),
            }
        }
        Err(last)
    }

    /// Stops those of `ids`, threads of `process` that are seized; all of them go again where that takes longer.
    pub fn interrupt(process: pid_t, ids: &[pid_t], allowed: Duration) -> Outcome<Window> {
        let asked_at = Instant::now();
        let deadline = asked_at + allowed;
        let mut window = Window {
            process,
            threads: Vec::new(),
            deadline,
            asked_at,
        };
        for &id in ids {
            // A thread that has ended since is no loss.
            let _ = sys::interrupt(id);
        }
        let mut waiting: Vec<pid_t> = ids.to_vec();
        while !waiting.is_empty() {
            let thread = waiting[0];
            waiting.retain(|&id| !window.take_if_stopped(id));
            if waiting.is_empty() {
                // Only one that is not known yet could still make another: they are listed until there is none.
                window.adopt_new_threads(&mut waiting);
                continue;
            }
            if Instant::now() > deadline {
                return Err(Failure::TooSlow(thread));
            }
            std::thread::sleep(POLL);
        }
        if window.threads.is_empty() {
            return Err(Failure::Gone(process));
        }
        Ok(window)
    }

    /// Tells whether nothing more is to be waited for from `id`: it stands still, or it has ended.
    fn take_if_stopped(&mut self, id: pid_t) -> bool {
        let signal = match sys::poll(id) {
            Ok(Status::Running) => return false,
            Ok(Status::SignalDelivery(signal)) => signal,
            Ok(Status::Trap { event }) if event == libc::PTRACE_EVENT_CLONE => {
                // In the middle of making a thread: what the call answers is not written down yet. It is let
                // through, and stops behind it, if asked once more: any stop ends what was asked (kernel/signal.c,
                // ptrace_stop, clears JOBCTL_TRAP_STOP), and the others would stand and wait in vain.
                let _ = sys::interrupt(id);
                return sys::go_on(id, 0).is_err();
            }
            Ok(Status::Trap { .. } | Status::SystemCall) => 0,
            Ok(Status::Gone) | Err(_) => return true,
        };
        match sys::registers(id) {
            Ok(registers) => self.threads.push(Thread {
                id,
                registers,
                signal,
            }),
            Err(_) => return true, // killed while it stood still
        }
        true
    }

    /// Threads that were made between the seizing and the stop are traced from birth, and stop by themselves.
    fn adopt_new_threads(&self, waiting: &mut Vec<pid_t>) {
        let Ok(ids) = thread_ids(self.process) else {
            return;
        };
        for id in ids {
            let known = waiting.contains(&id) || self.threads.iter().any(|t| t.id == id);
            if !known && tracer_of(self.process, id) == Some(our_thread()) {
                waiting.push(id);
            }
        }
    }

    /// Writes while every thread stands still; refuses where that may not be done before the time is up.
    pub fn write(&self, changes: &[Change]) -> Outcome<()> {
        writing::write(self.process, changes, self.deadline)
    }

    /// Returns how much longer the window may be open.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Lets every thread go and returns how long the window was open.
    pub fn close(mut self) -> Duration {
        self.let_go();
        self.asked_at.elapsed()
    }

    fn let_go(&mut self) {
        for thread in self.threads.drain(..) {
            // Where that fails it was killed meanwhile, or runs; the kernel lets it go when this thread ends.
            let _ = sys::detach(thread.id, thread.signal);
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Makes this thread the tracer of every thread of `process`; they run on.
pub fn seize_all(process: pid_t) -> Outcome<Vec<pid_t>> {
    let mut seized = Vec::new();
    let mut seen = HashSet::new();
    loop {
        let before = seized.len();
        for id in thread_ids(process)? {
            if !seen.insert(id) {
                continue;
            }
            match sys::seize(id, OPTIONS) {
                Ok(()) => seized.push(id),
                // Ended since, a dead leader, or born to a thread that is ours already.
                Err(_) if is_dead(process, id) || tracer_of(process, id) == Some(our_thread()) => {}
                Err(error) => return Err(because("seizing a thread", id)(error)),
            }
        }
        if seized.len() == before {
            return if seized.is_empty() {
                Err(Failure::Gone(process))
            } else {
                Ok(seized)
            };
        }
    }
}

/// Waits until the kernel has let go of what a thread of ours held that is ending: it does so a little after that
/// thread can be joined.
pub fn wait_until_let_go(process: pid_t) {
    let until = Instant::now() + ENDING;
    let is_ours = |thread| thread != 0 && Path::new(&format!("/proc/self/task/{thread}")).exists();
    while tracer_of(process, process).is_some_and(is_ours) && Instant::now() < until {
        std::thread::sleep(POLL);
    }
}

/// Returns the ids of the threads of `process`.
pub(super) fn thread_ids(process: pid_t) -> Outcome<Vec<pid_t>> {
    let folder =
        fs::read_dir(format!("/proc/{process}/task")).map_err(|_| Failure::Gone(process))?;
    Ok(folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

fn status_line(process: pid_t, thread: pid_t, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line[name.len()..].trim().to_owned())
}

fn tracer_of(process: pid_t, thread: pid_t) -> Option<pid_t> {
    status_line(process, thread, "TracerPid:")?.parse().ok()
}

/// Tells whether `thread` runs, or waits for a processor only: no call into the kernel is cut short if it is stopped.
pub(super) fn is_on_a_cpu(process: pid_t, thread: pid_t) -> bool {
    status_line(process, thread, "State:").is_some_and(|state| state.starts_with('R'))
}

fn is_dead(process: pid_t, thread: pid_t) -> bool {
    status_line(process, thread, "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
}

fn our_thread() -> pid_t {
    // SAFETY: gettid takes nothing and cannot fail.
    unsafe { libc::gettid() }
}
