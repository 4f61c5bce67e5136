//! From one address on a stack to the callers above it (src/runtime/traceback.go unwinder, for amd64).

use super::code::{Code, Role};
use crate::image::Image;
use crate::problem::Parsed;

const WORD: u64 = 8;
/// Frames all stacks together may have: 2 GiB of columns.
pub const MOST_FRAMES: usize = 1 << 26;

/// Where an unwinding begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub pc: u64,
    pub sp: u64,
    /// The instruction itself, not one behind a call.
    pub exact: bool,
    /// Believe the innermost frame also where its function moves the stack pointer by hand: it had not yet.
    pub parked: bool,
}

/// One frame of a function and those inlined into it: [sp, fp).
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub pc: u64,
    /// The address to ask names with: the call's, or the instruction's own.
    pub call: u64,
    pub entry: u64,
    pub sp: u64,
    /// The stack pointer of the caller at the call.
    pub fp: u64,
    pub role: Role,
}

/// How far an unwinding came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    Whole = 0,
    /// A goroutine that is dead or not born has no stack.
    NoStack = 1,
    /// It runs, and its thread's registers are not known.
    NoThread = 2,
    /// An address that is in no Go function.
    NoFunction = 3,
    /// A function that moves the stack pointer by hand.
    MovedStack = 4,
    /// A frame that does not lie on the goroutine's stack.
    OutOfBounds = 5,
    /// Its stack was being copied to another place.
    BeingCopied = 6,
    /// Its g, or its stack, cannot be read.
    Unreadable = 7,
    TooDeep = 8,
}

/// Hands every frame from `start` upwards to `sink` and returns how it ended. `low` and `high` bound the stack.
pub fn unwind(
    image: &Image,
    code: &mut Code<'_>,
    start: Start,
    (low, high): (u64, u64),
    mut sink: impl FnMut(Frame) -> bool,
) -> Parsed<End> {
    let (mut pc, mut sp, mut exact, mut innermost) = (start.pc, start.sp, start.exact, true);
    if pc == 0 {
        // A call of nil: it happened in the caller.
        let Some(caller) = image.word(sp) else {
            return Ok(End::Unreadable);
        };
        (pc, sp, exact) = (caller, sp.saturating_add(WORD), false);
    }
    loop {
        let Some(place) = code.place(pc)? else {
            return Ok(End::NoFunction);
        };
        let Ok(delta) = u64::try_from(place.delta) else {
            return Ok(End::NoFunction);
        };
        let fp = sp.saturating_add(delta).saturating_add(WORD);
        if sp < low || fp > high {
            return Ok(End::OutOfBounds);
        }
        let call = if exact || pc == place.entry {
            pc
        } else {
            pc - 1
        };
        let frame = Frame {
            pc,
            call,
            entry: place.entry,
            sp,
            fp,
            role: place.role,
        };
        if !sink(frame) {
            return Ok(End::TooDeep);
        }
        if place.is_top {
            return Ok(End::Whole);
        }
        let forgiven = place.role == Role::CgoCallback || innermost && start.parked;
        if place.writes_sp && !forgiven {
            return Ok(End::MovedStack);
        }
        let Some(caller) = image.word(fp - WORD) else {
            return Ok(End::Unreadable);
        };
        exact = matches!(place.role, Role::Injected | Role::Fault);
        (pc, sp, innermost) = (caller, fp, false);
    }
}
