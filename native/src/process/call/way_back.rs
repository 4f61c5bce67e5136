//! The way back out of runtime.debugCallV2, whose last instructions lose what the interrupted code had in its flags.
//!
//! It ends with `ADDQ $152, SP; POPQ BP; RET`, behind the trap at which the debugger was told to put everything back
//! (src/runtime/asm_amd64.s, Go 1.21 to 1.27). Code that stood between a comparison and its branch takes the wrong one.
//! Delve mends it as well (go-delve/delve, pull request 3002): step to the place that was interrupted, and set the
//! flags there.

use libc::{pid_t, user_regs_struct};

use crate::process::sys::{self, Status};
use crate::process::window;

/// It is 18 instructions.
const MOST_STEPS: u32 = 64;
/// No system call that the kernel could begin anew.
pub const NO_CALL: u64 = u64::MAX;
/// What an instruction itself may raise. A step raises SIGTRAP; of one that is blocked the kernel drops the handler.
const RAISED_BY_CODE: [libc::c_int; 6] = [
    libc::SIGTRAP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSYS,
];

/// Takes `thread`, which stands at the last trap as `now` says, to where it was `before`, as it was, and lets it go.
/// None where it ended.
pub fn take(
    thread: pid_t,
    before: &user_regs_struct,
    extended: &[u8],
    now: &user_regs_struct,
) -> Option<()> {
    sys::set_extended_registers(thread, extended).ok()?;
    sys::set_registers(thread, &all_but_the_place(before, now)).ok()?;
    // What is sent to it meanwhile waits: a handler would run with the steps, and a signal that is kept from it is lost.
    let mask = sys::blocked_signals(thread).ok()?;
    sys::block_signals(thread, mask | sent_from_outside()).ok()?;
    let mut there = step_until(thread, before.rip)?;
    there.eflags = before.eflags;
    there.orig_rax = NO_CALL;
    sys::set_registers(thread, &there).ok()?;
    sys::block_signals(thread, mask).ok()?;
    sys::detach(thread, 0).ok()
}

/// Where it stands the runtime goes back from by itself; the stack may lie elsewhere by now.
fn all_but_the_place(before: &user_regs_struct, now: &user_regs_struct) -> user_regs_struct {
    user_regs_struct {
        rip: now.rip,
        rsp: now.rsp,
        fs_base: now.fs_base,
        gs_base: now.gs_base,
        orig_rax: NO_CALL,
        ..*before
    }
}

fn sent_from_outside() -> u64 {
    RAISED_BY_CODE
        .iter()
        .fold(u64::MAX, |mask, signal| mask & !(1 << (signal - 1)))
}

/// Where another version's way back were longer, it would go the rest of it alone, as every debugger but Delve has it.
fn step_until(thread: pid_t, place: u64) -> Option<user_regs_struct> {
    let mut now = sys::registers(thread).ok()?;
    for _ in 0..MOST_STEPS {
        if now.rip == place {
            break;
        }
        sys::step(thread).ok()?;
        wait(thread)?;
        now = sys::registers(thread).ok()?;
    }
    Some(now)
}

/// Waits until it has made its step, which job control (SIGSTOP) may come before; None where it ended. The step's SIGTRAP
/// is taken from it: the program would die of it if we did.
fn wait(thread: pid_t) -> Option<()> {
    loop {
        match sys::poll_and_take(thread).ok()? {
            Status::Running => std::thread::sleep(window::POLL),
            Status::Gone => return None,
            Status::Trap { .. } if super::protocol::is_stopped(thread) => {
                sys::listen(thread).ok()?
            }
            _ => return Some(()),
        }
    }
}
