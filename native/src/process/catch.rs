//! Stops a process at the moment at which one of its threads writes a certain word in a certain way.
//!
//! Every thread is seized and runs on, with a watchpoint on each word. The one that writes stops right behind the
//! instruction (`watchpoint`), and what it has written is read off it (`atomic`). Where that was not waited for it
//! runs on; where it was it stays, and all the others are stopped as in any window.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libc::{pid_t, user_regs_struct};

use super::atomic::{self, Written};
use super::failure::{Failure, Outcome, because};
use super::scattered;
use super::sys::{self, Status};
use super::watchpoint::Watchpoint;
use super::window::{POLL, Window, seize_all};

/// Some bits of a word, and what they have to be.
pub struct Bits {
    pub mask: u32,
    pub value: u32,
}

impl Bits {
    fn fit(&self, word: u32) -> bool {
        word & self.mask == self.value
    }
}

/// Four bytes at `address`, what a program may add to them at once, and the changes (from, to) that are waited for.
pub struct Word {
    pub address: u64,
    pub summands: Vec<i32>,
    pub wanted: Vec<(Bits, Bits)>,
}

impl Word {
    /// Whichever of its values it wrote.
    fn is_wanted(&self, seen: &Written) -> bool {
        seen.new.iter().all(|&new| {
            self.wanted
                .iter()
                .any(|(from, to)| from.fit(seen.old) && to.fit(new))
        })
    }
}

/// `thread` stands right behind the instruction that wrote the four bytes at `address`.
pub struct Write {
    pub thread: pid_t,
    pub address: u64,
    pub written: Written,
}

/// Stops every thread of `process` at a change of one of `words` that is waited for, and returns who stands right
/// behind a write. NothingCaught, with all of them running, where there was none within `armed`; TooSlow where the
/// other threads did not stop within `allowed`; NoWatchpoint where the kernel gives none.
pub fn catch(
    process: pid_t,
    words: &[Word],
    armed: Duration,
    allowed: Duration,
) -> Outcome<(Window, Vec<Write>)> {
    let mut trap = Trap {
        process,
        words,
        threads: HashMap::new(),
    };
    for thread in seize_all(process)? {
        trap.arm(thread)?;
    }
    trap.wait(Instant::now() + armed)?;
    let threads: Vec<pid_t> = trap.threads.keys().copied().collect();
    let window = Window::interrupt(process, &threads, allowed)?;
    let writes = window
        .threads
        .iter()
        .filter(|thread| thread.signal == libc::SIGURG)
        .filter_map(|thread| Some(trap.write_of(thread.id, &thread.registers)?.1))
        .collect();
    Ok((window, writes))
}

struct Trap<'a> {
    process: pid_t,
    words: &'a [Word],
    threads: HashMap<pid_t, Vec<Watchpoint>>,
}

impl Trap<'_> {
    fn arm(&mut self, thread: pid_t) -> Outcome<()> {
        let mut points = Vec::new();
        for word in self.words {
            match Watchpoint::open(thread, word.address) {
                Ok(point) => points.push(point),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(()), // ended since
                Err(error) => {
                    return Err(Failure::NoWatchpoint(error.raw_os_error().unwrap_or(0)));
                }
            }
        }
        self.threads.insert(thread, points);
        Ok(())
    }

    fn wait(&mut self, until: Instant) -> Outcome<()> {
        while Instant::now() < until {
            match sys::wait_any().map_err(because("waiting for a thread", self.process))? {
                None => std::thread::sleep(POLL),
                Some((thread, status)) if self.is_caught(thread, status)? => return Ok(()),
                Some(_) => {}
            }
        }
        Err(Failure::NothingCaught)
    }

    /// Tells whether `thread` has just made a change that is waited for; it is sent on its way where not.
    fn is_caught(&mut self, thread: pid_t, status: Status) -> Outcome<bool> {
        let mut signal = 0;
        match status {
            Status::Running => return Ok(false),
            Status::SignalDelivery(
                libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU,
            ) => {
                return Err(Failure::NothingCaught); // somebody stops it: we are in the way
            }
            Status::SignalDelivery(sent) => {
                if sent == libc::SIGURG && self.has_made_it(thread) {
                    return Ok(true);
                }
                // Also where it is ours: the runtime may have asked something with the same one.
                signal = sent;
            }
            Status::Trap { event } if event == libc::PTRACE_EVENT_STOP => {
                if self.threads.contains_key(&thread) {
                    return Err(Failure::NothingCaught); // stopped by somebody else
                }
                self.arm(thread)?;
            }
            Status::Trap { .. } | Status::SystemCall => {}
            Status::Gone if thread == self.process => return Err(Failure::Gone(thread)),
            Status::Gone => {
                self.threads.remove(&thread);
                return Ok(false);
            }
        }
        // Where that fails it was killed meanwhile.
        let _ = sys::go_on(thread, signal);
        Ok(false)
    }

    fn has_made_it(&self, thread: pid_t) -> bool {
        let seen = sys::registers(thread).ok();
        let seen = seen.and_then(|registers| self.write_of(thread, &registers));
        seen.is_some_and(|(word, write)| word.is_wanted(&write.written))
    }

    /// Returns what `thread`, which is about to get SIGURG, has written to which word.
    fn write_of(&self, thread: pid_t, registers: &user_regs_struct) -> Option<(&Word, Write)> {
        if !sys::is_by_descriptor(thread).ok()? {
            return None;
        }
        let start = registers.rip.checked_sub(atomic::LONGEST as u64)?;
        let found = scattered::read(self.process, &[(start, atomic::LONGEST)]).ok()?;
        let code = found.into_iter().next()??;
        self.words.iter().find_map(|word| {
            let written = atomic::written(&code, registers, word.address, &word.summands)?;
            let address = word.address;
            let write = Write {
                thread,
                address,
                written,
            };
            Some((word, write))
        })
    }
}
