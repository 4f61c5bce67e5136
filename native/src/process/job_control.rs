//! Ctrl-Z is not taken while a process stands still for us, or threads of it stop for us when they are given a signal:
//! it would stop the thread of ours that lets them go. So the three signals of job control are ignored as long.
//! What nobody can ignore (SIGSTOP) is not helped by this; a guardian is.

use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::c_int;

const SIGNALS: [c_int; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

struct Ignored {
    holds: usize,
    /// What was to become of each before the first of them.
    before: Vec<libc::sigaction>,
}

static IGNORED: Mutex<Ignored> = Mutex::new(Ignored {
    holds: 0,
    before: Vec::new(),
});

/// While one of these is there job control does not stop us. Not for a process that was forked: a lock is taken.
pub struct Unstopped(());

impl Unstopped {
    pub fn new() -> Unstopped {
        let mut ignored = lock();
        ignored.holds += 1;
        if ignored.holds == 1 {
            ignored.before = SIGNALS.map(ignore).to_vec();
        }
        Unstopped(())
    }
}

impl Drop for Unstopped {
    fn drop(&mut self) {
        let mut ignored = lock();
        ignored.holds -= 1;
        if ignored.holds == 0 {
            for (signal, before) in SIGNALS.into_iter().zip(ignored.before.drain(..)) {
                // SAFETY: it is what the kernel said was in force; none is asked for.
                unsafe { libc::sigaction(signal, &raw const before, std::ptr::null_mut()) };
            }
        }
    }
}

fn lock() -> MutexGuard<'static, Ignored> {
    IGNORED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ignore(signal: c_int) -> libc::sigaction {
    // SAFETY: all-zero bytes are a valid sigaction: no handler, no flags, an empty set.
    let mut nothing: libc::sigaction = unsafe { std::mem::zeroed() };
    nothing.sa_sigaction = libc::SIG_IGN;
    let mut before = MaybeUninit::uninit();
    // SAFETY: the kernel reads one sigaction and writes one; for a signal that there is it cannot refuse.
    unsafe {
        libc::sigaction(signal, &raw const nothing, before.as_mut_ptr());
        before.assume_init()
    }
}
