//! The few kernel calls of a ptrace window, each behind a safe function. Nearly all `unsafe` of this module is here.
//!
//! `libc` and not a richer wrapper: statuses here may carry real-time signals (glibc's set*id, Go's
//! per-thread syscalls use 32 and 33), which typed signal enums refuse.

mod memory;
mod ours;
mod waiting;

pub use memory::{read_scattered, write_at};
pub use ours::{
    end_now, fork, kill_now, leave_the_session, leave_the_terminal, our_process, reap, run_first,
    wake,
};
pub use waiting::{Status, poll, poll_and_take, wait_any};

use std::io;

use libc::{c_int, c_long, c_void, pid_t, user_regs_struct};

/// include/uapi/asm-generic/siginfo.h.
const POLL_IN: c_int = 1;
const POLL_HUP: c_int = 6;

/// A ptrace request that takes numbers only.
fn request(kind: libc::c_uint, thread: pid_t, addr: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: for the requests passed here (SEIZE, INTERRUPT, CONT, SINGLESTEP, SYSCALL, DETACH, POKEDATA, SETOPTIONS)
    // the kernel takes addr and data as numbers and writes nothing into our memory.
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

/// Lets `thread` run on, with `signal`, for which it stopped, unless 0.
pub fn go_on(thread: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_CONT, thread, 0, signal as usize).map(drop)
}

/// Lets `thread` run one instruction, for which it then stops with SIGTRAP.
pub fn step(thread: pid_t) -> io::Result<()> {
    request(libc::PTRACE_SINGLESTEP, thread, 0, 0).map(drop)
}

/// Lets `thread` go for good, delivering `signal` unless 0.
pub fn detach(thread: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_DETACH, thread, 0, signal as usize).map(drop)
}

/// Leaves `thread`, which job control has stopped, stopped until somebody lets it go on.
pub fn listen(thread: pid_t) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, thread, 0, 0).map(drop)
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

/// The largest set of registers that the kernel hands over in one go: all that a processor of today has is within it.
const MOST_STATE: usize = 64 << 10;
/// include/uapi/linux/elf.h.
const NT_X86_XSTATE: usize = 0x202;

/// Returns all registers of a stopped thread but the general ones, as XSAVE lays them out.
pub fn extended_registers(thread: pid_t) -> io::Result<Vec<u8>> {
    let mut state = vec![0; MOST_STATE];
    let length = transfer(libc::PTRACE_GETREGSET, thread, &mut state)?;
    state.truncate(length);
    Ok(state)
}

/// Sets what `extended_registers` returned.
pub fn set_extended_registers(thread: pid_t, state: &[u8]) -> io::Result<()> {
    transfer(libc::PTRACE_SETREGSET, thread, &mut state.to_vec()).map(drop)
}

fn transfer(kind: libc::c_uint, thread: pid_t, state: &mut [u8]) -> io::Result<usize> {
    let mut where_it_lies = libc::iovec {
        iov_base: state.as_mut_ptr().cast::<c_void>(),
        iov_len: state.len(),
    };
    // SAFETY: both requests take one iovec of ours; the kernel reads or writes within the bytes it names, and sets its
    // length to how many those were.
    let answer = unsafe {
        libc::ptrace(
            kind,
            thread,
            NT_X86_XSTATE as *mut c_void,
            (&raw mut where_it_lies).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(where_it_lies.iov_len)
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

/// Tells whether the signal for which `thread` stopped says that something happened to an open file: SI_SIGIO of
/// include/uapi/asm-generic/siginfo.h, which nobody but the kernel can send.
pub fn is_by_descriptor(thread: pid_t) -> io::Result<bool> {
    Ok((POLL_IN..=POLL_HUP).contains(&signal_info(thread)?.si_code))
}

/// Returns the signal for which `thread` stopped; of a stop that ptrace made SIGTRAP, or the one of job control.
pub fn signal_of_stop(thread: pid_t) -> io::Result<c_int> {
    Ok(signal_info(thread)?.si_signo)
}

fn signal_info(thread: pid_t) -> io::Result<libc::siginfo_t> {
    // SAFETY: all-zero bytes are a valid siginfo_t, a struct of integers.
    let mut what: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: GETSIGINFO writes one siginfo_t to data, which points to one of ours.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETSIGINFO,
            thread,
            0,
            (&raw mut what).cast::<c_void>(),
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(what)
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

/// Returns the registers as bytes.
pub fn bytes_of(registers: &user_regs_struct) -> Vec<u8> {
    let start = std::ptr::from_ref(registers).cast::<u8>();
    // SAFETY: a struct of integers without padding, read as far as it goes.
    unsafe { std::slice::from_raw_parts(start, size_of::<user_regs_struct>()) }.to_vec()
}

/// Returns the registers that `bytes_of` made `raw` of; zero where that is too short.
pub fn registers_from(raw: &[u8]) -> user_regs_struct {
    // SAFETY: all-zero bytes are a valid user_regs_struct, a struct of integers.
    let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
    if raw.len() >= size_of::<user_regs_struct>() {
        // SAFETY: as many bytes as that are there, and any are valid in it.
        registers = unsafe { std::ptr::read_unaligned(raw.as_ptr().cast()) };
    }
    registers
}
