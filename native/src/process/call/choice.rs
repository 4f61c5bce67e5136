//! Which thread may be interrupted for a call: one in the program's own Go code, at a place and with a goroutine that
//! the runtime itself would take for a preemption (src/runtime/preempt.go, isAsyncSafePoint, canPreemptM).
//!
//! No other thread is stopped. What is asked of it and of its goroutine belongs to the thread alone, and it stands still.

use libc::{pid_t, user_regs_struct};

use super::{Wish, protocol};
use crate::process::failure::{Failure, Outcome, because};
use crate::process::sys::{self, Status};
use crate::process::{scattered, window};

/// src/runtime/runtime2.go.
const RUNNING: u64 = 2;
/// What is free below the stack pointer of Go code that may be called from: what a chain of functions that do not
/// look takes at most (src/internal/abi/stack.go, StackNosplitBase). debugCallV2 itself asks for 256.
const LEAST_STACK: u64 = 800;
/// Code of 64 bits in user mode.
const USER_CODE: u64 = 0x33;
/// m.mallocing, throwing, preemptoff (a text), locks.
const BUSY_BYTES: usize = 28;

pub enum Offer {
    /// It stands still, and is ours.
    Fit(user_regs_struct),
    /// It runs on.
    Unfit(&'static str),
    /// It did not run, and was not looked at.
    Idle,
}

/// Stops `thread` if it runs, and keeps it where a call may be made on it.
pub fn look(wish: &Wish, thread: pid_t) -> Outcome<Offer> {
    if !window::is_on_a_cpu(wish.process, thread) {
        return Ok(Offer::Idle);
    }
    match sys::seize(thread, libc::PTRACE_O_TRACESYSGOOD) {
        Ok(()) => {}
        Err(error) => match because("seizing a thread", thread)(error) {
            Failure::Gone(_) => return Ok(Offer::Idle),
            failure => return Err(failure),
        },
    }
    let (signal, why) = match stand(thread) {
        Some(Status::SignalDelivery(signal)) => (signal, Some("a signal was on its way to it")),
        Some(Status::Trap { .. }) if protocol::is_stopped(thread) => {
            (0, Some("the process is stopped by job control"))
        }
        Some(Status::Trap { .. }) => match sys::registers(thread) {
            Ok(registers) => match unfit(wish, &registers) {
                None => return Ok(Offer::Fit(registers)),
                why => (0, why),
            },
            Err(_) => return Ok(Offer::Idle),
        },
        Some(_) => (0, Some("it was in a system call")),
        None => return Ok(Offer::Idle),
    };
    // Where that fails it has been killed.
    let _ = sys::detach(thread, signal);
    Ok(why.map_or(Offer::Idle, Offer::Unfit))
}

/// Asks `thread`, which we trace, to stop, and waits until it has; None where it ended.
fn stand(thread: pid_t) -> Option<Status> {
    sys::interrupt(thread).ok()?;
    loop {
        match sys::poll(thread).ok()? {
            // It was on a processor: that is over soon, and only one that stands can be let go.
            Status::Running => std::thread::sleep(window::POLL),
            Status::Gone => return None,
            status => return Some(status),
        }
    }
}

/// Returns why no call may be made on a thread that stands as `registers` say; None where one may.
fn unfit(wish: &Wish, registers: &user_regs_struct) -> Option<&'static str> {
    let is_in_a_call = (registers.orig_rax as i64) >= 0;
    if registers.cs != USER_CODE || is_in_a_call || !is_within(&wish.places, registers.rip) {
        return Some("a thread was not in the program's own Go code");
    }
    unfit_goroutine(wish, registers).unwrap_or(Some("a thread's goroutine could not be read"))
}

/// In the program's own Go code R14 holds the goroutine (src/cmd/compile/abi-internal.md).
fn unfit_goroutine(wish: &Wish, registers: &user_regs_struct) -> Option<Option<&'static str>> {
    let (g, at) = (registers.r14, wish.layout);
    let word = |address: u64| number(wish, address, 8);
    let (low, high) = (word(g)?, word(g.wrapping_add(8))?);
    let sp = registers.rsp;
    if !(low..=high).contains(&sp) || sp - low < LEAST_STACK {
        return Some(Some("a goroutine had too little of its stack left"));
    }
    let machine = word(g.wrapping_add(at.g_m))?;
    let status = number(wish, g.wrapping_add(at.g_status), 4)?;
    if status != RUNNING || word(machine.wrapping_add(at.m_curg))? != g {
        return Some(Some("a thread was in the runtime"));
    }
    if read(wish, machine.wrapping_add(at.m_mallocing), BUSY_BYTES)?[..]
        .iter()
        .any(|&b| b != 0)
    {
        return Some(Some("the runtime keeps a goroutine on its thread"));
    }
    for &(address, mask) in &wish.free {
        if number(wish, address, 4)? & u64::from(mask) != 0 {
            return Some(Some("a lock that the function takes was held"));
        }
    }
    Some(None)
}

fn is_within(ranges: &[(u64, u64)], address: u64) -> bool {
    let behind = ranges.partition_point(|&(start, _)| start <= address);
    behind > 0 && address < ranges[behind - 1].1
}

fn number(wish: &Wish, address: u64, bytes: usize) -> Option<u64> {
    let mut word = [0; 8];
    word[..bytes].copy_from_slice(&read(wish, address, bytes)?);
    Some(u64::from_le_bytes(word))
}

fn read(wish: &Wish, address: u64, bytes: usize) -> Option<Vec<u8>> {
    scattered::read(wish.process, &[(address, bytes)])
        .ok()?
        .pop()?
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn the_end_of_a_range_is_outside() {
        let ranges = [(10, 20), (30, 40)];
        let inside: Vec<u64> = (0..50).filter(|&each| is_within(&ranges, each)).collect();
        let expected: Vec<u64> = (10..20).chain(30..40).collect();
        assert_eq!(inside, expected);
        assert!(!is_within(&[], 5));
    }
}
