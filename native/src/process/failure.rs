//! Why a window on a process could not be had. Numbers and facts; the words are the caller's.

use std::io;

use libc::pid_t;

#[derive(Debug)]
pub enum Failure {
    /// The process, or the thread that was to do something, is not there (any more).
    Gone(pid_t),
    /// The kernel does not let us trace this thread.
    NotPermitted(pid_t),
    /// Not stopped, or not back from the call, within the time allowed.
    TooSlow(pid_t),
    /// The place meant for the code is not free (not readable, or not all zero).
    NoRoom(u64),
    /// Something else lies here than the writer thinks; nothing was written.
    Changed(u64),
    /// Not to be written in one go: it crosses a page, is empty, or lies on another one.
    NotWhole(u64),
    /// The kernel broke off here, behind changes that were made.
    InPart(u64),
    /// Something else than what was written was read here in the same moment.
    NotThere(u64),
    /// Whoever was to write for us has not said whether it did.
    Unanswered(pid_t),
    /// The call made in the process's name was refused: its errno.
    CallRefused(i32),
    /// The kernel gives no watchpoint: its errno.
    NoWatchpoint(i32),
    /// What was waited for did not happen in time.
    NothingCaught,
    /// Not 64-bit x86 code.
    OtherMachine,
    /// Anything else the kernel said, and while doing what.
    Kernel { doing: &'static str, errno: i32 },
}

pub type Outcome<T> = Result<T, Failure>;

/// Returns what `error` means for `thread`.
pub fn because(doing: &'static str, thread: pid_t) -> impl Fn(io::Error) -> Failure {
    move |error| match error.raw_os_error() {
        Some(libc::ESRCH) => Failure::Gone(thread),
        Some(libc::EPERM | libc::EACCES) => Failure::NotPermitted(thread),
        errno => Failure::Kernel {
            doing,
            errno: errno.unwrap_or(0),
        },
    }
}
