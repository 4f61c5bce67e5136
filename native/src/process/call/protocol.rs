//! The protocol of runtime.debugCallV2 (src/runtime/asm_amd64.s): it traps, and R12 says why.

use std::time::{Duration, Instant};

use libc::{c_int, pid_t, user_regs_struct};

use super::{Said, Wish, way_back};
use crate::process::scattered;
use crate::process::sys::{self, Status};

/// What R12 says at a trap.
const READY: u64 = 0;
const RETURNED: u64 = 1;
const PANICKED: u64 = 2;
const REFUSED: u64 = 8;
const RESTORE: u64 = 16;
const INT3: u8 = 0xcc;
const LONGEST_TEXT: u64 = 400;
/// A function that is quick is not waited for as long as one that is not.
const QUICK: Duration = Duration::from_millis(20);
const SHORT: Duration = Duration::from_micros(50);
const LONG: Duration = Duration::from_millis(1);

pub enum Answer {
    /// The runtime does not allow it here: why. The thread runs on, and is not ours any more.
    Refused(String),
    /// The thread is as it was, and not ours any more.
    Done,
    /// It ended on the way.
    Lost,
}

/// Has `thread`, which stands as `standing` says and is ours, call the function; says how that goes.
pub fn call(
    wish: &Wish,
    thread: pid_t,
    standing: &user_regs_struct,
    say: &mut dyn FnMut(Said),
) -> Answer {
    let conversation = Conversation { wish, thread };
    // Whatever fails has ended: nothing but its end takes a thread that stands still from who traces it.
    conversation.hold(standing, say).unwrap_or(Answer::Lost)
}

struct Conversation<'a> {
    wish: &'a Wish,
    thread: pid_t,
}

impl Conversation<'_> {
    fn hold(&self, before: &user_regs_struct, say: &mut dyn FnMut(Said)) -> Option<Answer> {
        let thread = self.thread;
        let state = sys::extended_registers(thread).ok()?;
        self.enter(before)?;
        let mut refusal = None;
        loop {
            let mut now = self.next_trap()?;
            match now.r12 {
                READY => {
                    say(Said::Called(thread));
                    self.push(&mut now)?;
                    now.rip = self.wish.function;
                    sys::set_registers(thread, &now).ok()?;
                }
                RETURNED => say(Said::Returned),
                PANICKED => say(self.panic_at(now.rsp)),
                REFUSED => refusal = Some(self.text_at(now.rsp)),
                RESTORE => {
                    way_back::take(thread, before, &state, &now)?;
                    return Some(refusal.map_or(Answer::Done, Answer::Refused));
                }
                _ => {}
            }
            sys::go_on(thread, 0).ok()?;
        }
    }

    /// As if the code that was interrupted had called debugCallV2; the size of the arguments, none, lies below.
    fn enter(&self, before: &user_regs_struct) -> Option<()> {
        let mut now = *before;
        self.push(&mut now)?;
        sys::poke(self.thread, now.rsp - 16, 0).ok()?;
        now.rip = self.wish.debug_call;
        now.orig_rax = way_back::NO_CALL;
        sys::set_registers(self.thread, &now).ok()?;
        sys::go_on(self.thread, 0).ok()
    }

    /// Pushes the address to come back to.
    fn push(&self, now: &mut user_regs_struct) -> Option<()> {
        now.rsp -= 8;
        sys::poke(self.thread, now.rsp, now.rip).ok()
    }

    /// Waits for the runtime to trap, for however long that takes; None where the thread ended.
    fn next_trap(&self) -> Option<user_regs_struct> {
        let began = Instant::now();
        loop {
            match sys::poll(self.thread).ok()? {
                Status::Running => {
                    let is_quick = began.elapsed() < QUICK;
                    std::thread::sleep(if is_quick { SHORT } else { LONG });
                }
                Status::Gone => return None,
                Status::SignalDelivery(signal) => match self.trapped(signal) {
                    Some(registers) => return Some(registers),
                    None => sys::go_on(self.thread, signal).ok()?,
                },
                Status::Trap { .. } if is_stopped(self.thread) => sys::listen(self.thread).ok()?,
                Status::Trap { .. } | Status::SystemCall => sys::go_on(self.thread, 0).ok()?,
            }
        }
    }

    /// Returns the registers where `signal` is the runtime's own trap; any other is the program's.
    fn trapped(&self, signal: c_int) -> Option<user_regs_struct> {
        let registers = sys::registers(self.thread).ok()?;
        let at = registers.rip.checked_sub(1)?;
        let is_its = signal == libc::SIGTRAP
            && self
                .wish
                .speakers
                .iter()
                .any(|&(start, end)| (start..end).contains(&at))
            && self.read(at, 1)? == [INT3];
        is_its.then_some(registers)
    }

    /// Returns the text whose pointer and length lie at `place`.
    fn text_at(&self, place: u64) -> String {
        String::from_utf8_lossy(&self.bytes_at(place).unwrap_or_default()).into_owned()
    }

    /// The value lies there as an interface: its type, and where its data is.
    fn panic_at(&self, place: u64) -> Said {
        let word = |at| self.word(at).unwrap_or(0);
        let (kind, data) = (word(place), word(place + 8));
        Said::Panicked(kind, data, self.bytes_at(data).unwrap_or_default())
    }

    fn bytes_at(&self, place: u64) -> Option<Vec<u8>> {
        let (text, length) = (self.word(place)?, self.word(place.checked_add(8)?)?);
        self.read(text, length.min(LONGEST_TEXT) as usize)
    }

    fn word(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.read(address, 8)?.try_into().ok()?))
    }

    fn read(&self, address: u64, bytes: usize) -> Option<Vec<u8>> {
        scattered::read(self.wish.process, &[(address, bytes)])
            .ok()?
            .pop()?
    }
}

/// Tells whether job control has stopped `thread` (SIGSTOP): it must stay so until somebody lets it go on.
pub fn is_stopped(thread: pid_t) -> bool {
    sys::signal_of_stop(thread).is_ok_and(|signal| signal != libc::SIGTRAP)
}
