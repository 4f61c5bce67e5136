//! A processor's watchpoint on four bytes of a thread: each write there gives the thread SIGURG, right behind it.
//!
//! By perf_event_open(2) and not by ptrace's debug registers: an event is ours, so the kernel takes it back when we
//! end, however we end (kernel/events/core.c, perf_release), and the signal that may still be on its way is one that
//! the Go runtime sends to its own threads all the time and takes as no more than a question (src/runtime/
//! signal_unix.go, sigPreempt, doSigPreempt; a program without a handler for it ignores it). A debug register set by
//! ptrace would outlive us, and its SIGTRAP kills.
//!
//! Where the thread stands: the processor traps behind the instruction that wrote, the kernel asks for an interrupt
//! of its own there (irq_work), which the processor takes before the next instruction of the thread, and in it sends
//! the signal (perf_event_wakeup, kill_fasync). Whoever asks does not have to believe that: `atomic` looks.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, pid_t};

/// include/uapi/linux/perf_event.h, hw_breakpoint.h, asm-generic/fcntl.h.
const TYPE_BREAKPOINT: u64 = 5;
const BREAKPOINT_ON_WRITE: u64 = 2;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const DISABLED: u64 = 1;
const CLOSE_ON_EXEC: usize = 1 << 3;
const ENABLE: libc::Ioctl = 0x2400;
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;
const F_OWNER_TID: c_int = 0;
const WIDTH_BYTES: u64 = 4;

/// struct f_owner_ex.
#[repr(C)]
struct Owner {
    kind: c_int,
    id: pid_t,
}

/// Lasts until it is dropped, or until we end.
pub struct Watchpoint {
    _event: OwnedFd,
}

impl Watchpoint {
    /// Has `thread`, and no other, get SIGURG at each of its own writes to the four bytes at `address`.
    pub fn open(thread: pid_t, address: u64) -> io::Result<Watchpoint> {
        // struct perf_event_attr up to bp_len: type and size, config, sample_period, sample_type, read_format, flags,
        // wakeup_events and bp_type, bp_addr, bp_len.
        let mut attributes = [0_u64; 9];
        attributes[0] = TYPE_BREAKPOINT | (size_of_val(&attributes) as u64) << 32;
        attributes[2] = 1;
        attributes[5] = DISABLED | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR;
        attributes[6] = 1 | BREAKPOINT_ON_WRITE << 32;
        attributes[7] = address;
        attributes[8] = WIDTH_BYTES;
        // SAFETY: the kernel reads as many bytes of `attributes` as its size field says, which is its size.
        let descriptor = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                attributes.as_ptr(),
                thread,
                -1,
                -1,
                CLOSE_ON_EXEC,
            )
        };
        let descriptor = checked(descriptor as c_int)?;
        // SAFETY: it was opened a moment ago, and nobody else knows of it.
        let event = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let owner = Owner {
            kind: F_OWNER_TID,
            id: thread,
        };
        // SAFETY: fcntl takes numbers, and for F_SETOWN_EX reads one f_owner_ex; ENABLE takes nothing.
        unsafe {
            checked(libc::fcntl(event.as_raw_fd(), F_SETSIG, libc::SIGURG))?;
            checked(libc::fcntl(
                event.as_raw_fd(),
                F_SETOWN_EX,
                &raw const owner,
            ))?;
            checked(libc::fcntl(event.as_raw_fd(), libc::F_SETFL, libc::O_ASYNC))?;
            checked(libc::ioctl(event.as_raw_fd(), ENABLE, 0))?;
        }
        Ok(Watchpoint { _event: event })
    }
}

/// Tries whether the kernel gives us one: on a word of our own that nobody writes, in this thread.
pub fn probe() -> io::Result<()> {
    static NEVER_WRITTEN: u32 = 0;
    // SAFETY: gettid takes nothing and cannot fail.
    let this_thread = unsafe { libc::gettid() };
    Watchpoint::open(this_thread, (&raw const NEVER_WRITTEN) as u64).map(drop)
}

fn checked(answer: c_int) -> io::Result<c_int> {
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}
