//! The few kernel calls of a ptrace window, each behind a safe function. The only `unsafe` of this module.
//!
//! `libc` and not a richer wrapper: statuses here may carry real-time signals (glibc's set*id, Go's
//! per-thread syscalls use 32 and 33), which typed signal enums refuse.

use std::io;

use libc::{c_int, c_long, c_void, pid_t, user_regs_struct};

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

/// A ptrace request that takes numbers only.
fn request(kind: libc::c_uint, thread: pid_t, addr: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: for the requests passed here (SEIZE, INTERRUPT, CONT, SYSCALL, DETACH, POKEDATA, SETOPTIONS) the kernel takes
    // addr and data as numbers and writes nothing into our memory.
    let answer = unsafe { libc::ptrace(kind, thread, addr as *mut c_void, data as *mut c_void) };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}

/// Makes this thread the tracer of `thread` without stopping it.
pub fn seize(thread: pid_t, options: c_int) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, thread, 0, options as usize).map(drop)
}

/// Asks `thread` to stop.
pub fn interrupt(thread: pid_t) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, thread, 0, 0).map(drop)
}

/// Lets `thread` run to the next entry or exit of a system call, with `signal`, for which it stopped, unless 0: one that
/// it blocks by now is put back among those that wait for it.
pub fn run_to_syscall(thread: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, thread, 0, signal as usize).map(drop)
}

/// Lets `thread` run on.
pub fn go_on(thread: pid_t) -> io::Result<()> {
    request(libc::PTRACE_CONT, thread, 0, 0).map(drop)
}

/// Lets `thread` go for good, delivering `signal` unless 0.
pub fn detach(thread: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_DETACH, thread, 0, signal as usize).map(drop)
}

/// Writes one word into the memory of a stopped thread, read-only pages included (a private copy is made).
pub fn poke(thread: pid_t, address: u64, word: u64) -> io::Result<()> {
    request(
        libc::PTRACE_POKEDATA,
        thread,
        address as usize,
        word as usize,
    )
    .map(drop)
}

/// Returns the general registers of a stopped thread.
pub fn registers(thread: pid_t) -> io::Result<user_regs_struct> {
    // SAFETY: all-zero bytes are a valid user_regs_struct, a struct of integers.
    let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
    // SAFETY: GETREGS writes exactly one user_regs_struct to data, which points to one of ours.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETREGS,
            thread,
            0,
            (&raw mut registers).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(registers)
}

/// Sets the general registers of a stopped thread, all in one step.
pub fn set_registers(thread: pid_t, registers: &user_regs_struct) -> io::Result<()> {
    // SAFETY: SETREGS only reads one user_regs_struct from data.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_SETREGS,
            thread,
            0,
            std::ptr::from_ref(registers).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The size that the kernel's own set of signals has, one bit for each; libc's is larger.
const MASK_BYTES: usize = size_of::<u64>();

/// Returns the signals that a stopped thread blocks, once it runs, one bit for each.
pub fn blocked_signals(thread: pid_t) -> io::Result<u64> {
    let mut mask = 0_u64;
    // SAFETY: GETSIGMASK writes MASK_BYTES to data, which points to as many of ours.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETSIGMASK,
            thread,
            MASK_BYTES,
            (&raw mut mask).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(mask)
}

/// Has a stopped thread block the signals of `mask` and no others.
pub fn block_signals(thread: pid_t, mask: u64) -> io::Result<()> {
    // SAFETY: SETSIGMASK only reads MASK_BYTES from data.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_SETSIGMASK,
            thread,
            MASK_BYTES,
            std::ptr::from_ref(&mask).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Returns the number that goes with the event a thread is stopped at: the new thread of a clone.
pub fn event_message(thread: pid_t) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: GETEVENTMSG writes one unsigned long to data, which points to one of ours.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            thread,
            0,
            (&raw mut message).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(message)
}

/// Returns what became of `thread`, without waiting.
///
/// A signal on its way is looked at and not taken: the kernel then delivers it even where we die before we can.
/// Once a tracer has waited for it, it is the tracer's alone (kernel/signal.c, ptrace_stop; exit.c, wait_task_stopped).
pub fn poll(thread: pid_t) -> io::Result<Status> {
    match wait_for(thread, libc::WNOWAIT)? {
        seen @ (Status::Running | Status::SignalDelivery(_)) => Ok(seen),
        _ => wait_for(thread, 0),
    }
}

fn wait_for(thread: pid_t, how: c_int) -> io::Result<Status> {
    let flags = how | libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: all-zero bytes are a valid siginfo_t, a struct of integers.
    let mut what: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: waitid writes one siginfo_t to the pointer given.
    let answer = unsafe { libc::waitid(libc::P_PID, thread as libc::id_t, &raw mut what, flags) };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: what waitid wrote, or the zeros before it, has these fields.
    let (process, status) = unsafe { (what.si_pid(), what.si_status()) };
    Ok(match (process, what.si_code) {
        (0, _) => Status::Running,
        (_, libc::CLD_TRAPPED | libc::CLD_STOPPED) => stopped(status),
        _ => Status::Gone,
    })
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

/// Has the kernel kill `process`, which we trace, when we end.
pub fn kill_with_us(process: pid_t) -> io::Result<()> {
    request(
        libc::PTRACE_SETOPTIONS,
        process,
        0,
        libc::PTRACE_O_EXITKILL as usize,
    )
    .map(drop)
}

/// Reads `places` (address, bytes) of `process`, at most IOV_MAX of them, into `buffer`, one behind the other;
/// returns how many bytes were read before the first place that cannot be read.
pub fn read_scattered(
    process: pid_t,
    places: &[(u64, usize)],
    buffer: &mut [u8],
) -> io::Result<usize> {
    let theirs: Vec<libc::iovec> = places
        .iter()
        .map(|&(address, bytes)| libc::iovec {
            iov_base: address as *mut c_void,
            iov_len: bytes,
        })
        .collect();
    let ours = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast::<c_void>(),
        iov_len: buffer.len(),
    };
    // SAFETY: the kernel writes into `buffer` only, and no more than its length; addresses of `process` are
    // numbers to us.
    let read = unsafe {
        libc::process_vm_readv(
            process,
            &raw const ours,
            1,
            theirs.as_ptr(),
            theirs.len() as libc::c_ulong,
            0,
        )
    };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Writes `bytes` at `address` of `process`, where its own pages let it write; returns how many were written.
pub fn write_at(process: pid_t, address: u64, bytes: &[u8]) -> io::Result<usize> {
    let ours = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    let theirs = libc::iovec {
        iov_base: address as *mut c_void,
        iov_len: bytes.len(),
    };
    // SAFETY: the kernel only reads `bytes`; the address of `process` is a number to us.
    let written =
        unsafe { libc::process_vm_writev(process, &raw const ours, 1, &raw const theirs, 1, 0) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Has this thread run before all that is not as urgent, where the kernel lets us: somebody stands still for it.
pub fn run_first() {
    let least_urgent = libc::sched_param { sched_priority: 1 };
    // SAFETY: the kernel reads one sched_param, of this thread alone (0). Where it refuses, nothing has changed.
    unsafe {
        libc::sched_setscheduler(
            0,
            libc::SCHED_RR | libc::SCHED_RESET_ON_FORK,
            &raw const least_urgent,
        );
    }
}

/// Ends a process that nobody else shall ever run.
pub fn kill_now(process: pid_t) -> io::Result<()> {
    // SAFETY: kill takes two numbers.
    if unsafe { libc::kill(process, libc::SIGKILL) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
