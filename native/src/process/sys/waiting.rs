//! What became of the threads that we trace.

use std::io;

use libc::{c_int, pid_t};

/// What the kernel said of one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing yet.
    Running,
    /// On its way to deliver `signal`, which must be handed back when it is let go.
    SignalDelivery(c_int),
    /// A stop that ptrace made (interrupt, group stop, event): nothing to hand back.
    Trap { event: c_int },
    /// At the entry or the exit of a system call.
    SystemCall,
    /// Ended.
    Gone,
}

/// Returns what became of `thread`, without waiting.
///
/// A signal on its way is looked at and not taken: the kernel then delivers it even where we die before we can.
/// Once a tracer has waited for it, it is the tracer's alone (kernel/signal.c, ptrace_stop; exit.c, wait_task_stopped).
pub fn poll(thread: pid_t) -> io::Result<Status> {
    match wait_for(libc::P_PID, thread, libc::WNOWAIT)?.1 {
        seen @ (Status::Running | Status::SignalDelivery(_)) => Ok(seen),
        _ => poll_and_take(thread),
    }
}

/// As `poll`, and a signal on its way is taken: it is delivered only where we hand it back.
pub fn poll_and_take(thread: pid_t) -> io::Result<Status> {
    Ok(wait_for(libc::P_PID, thread, 0)?.1)
}

/// Returns a thread that this thread of ours traces and that has stopped or ended, and what became of it, as `poll`
/// does; None for none.
pub fn wait_any() -> io::Result<Option<(pid_t, Status)>> {
    match wait_for(libc::P_ALL, 0, libc::WNOWAIT | libc::__WNOTHREAD) {
        Ok((_, Status::Running)) => Ok(None),
        Ok((thread, _)) => Ok(Some((thread, poll(thread)?))),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        Err(error) => Err(error),
    }
}

fn wait_for(whom: libc::idtype_t, thread: pid_t, how: c_int) -> io::Result<(pid_t, Status)> {
    let flags = how | libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: all-zero bytes are a valid siginfo_t, a struct of integers.
    let mut what: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: waitid writes one siginfo_t to the pointer given.
    let answer = unsafe { libc::waitid(whom, thread as libc::id_t, &raw mut what, flags) };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: what waitid wrote, or the zeros before it, has these fields.
    let (process, status) = unsafe { (what.si_pid(), what.si_status()) };
    let status = match (process, what.si_code) {
        (0, _) => Status::Running,
        (_, libc::CLD_TRAPPED | libc::CLD_STOPPED) => stopped(status),
        _ => Status::Gone,
    };
    Ok((process, status))
}

/// `status`: the signal, and above it the event of ptrace's.
fn stopped(status: c_int) -> Status {
    let (signal, event) = (status & 0xff, status >> 8);
    if event != 0 {
        Status::Trap { event }
    } else if signal == libc::SIGTRAP | 0x80 {
        Status::SystemCall // by PTRACE_O_TRACESYSGOOD
    } else {
        Status::SignalDelivery(signal)
    }
}
