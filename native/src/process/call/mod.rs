//! A call of a function of the program's own, by the runtime's own protocol for debuggers (src/runtime/debugcall.go).
//!
//! A process of ours that outlives us (the caller) chooses a thread, has the runtime make the call on it, and stays
//! until the function has come back: the runtime speaks to whoever traces the thread by trapping, and a trap that
//! nobody takes ends the program. What is said on the way comes over a pipe; whether somebody hears it does not matter.

mod caller;
mod choice;
mod protocol;
mod python;
mod way_back;

use std::time::{Duration, Instant};

use libc::pid_t;

use super::failure::{Failure, Outcome, because};
use super::message::{failure, numbers, receive, send};
use super::pipe::{End, pipe};
use super::sys;

pub use python::register;

/// A word that has begun to arrive is whole within this.
const WORD: Duration = Duration::from_secs(1);

/// Where each version of the runtime keeps what is asked of a thread's goroutine.
#[derive(Clone, Copy)]
pub struct Layout {
    pub g_m: u64,
    pub g_status: u64,
    pub m_curg: u64,
    pub m_mallocing: u64,
}

/// What is to be called in which process, and on which threads that may be done.
pub struct Wish {
    pub process: pid_t,
    pub function: u64,
    /// runtime.debugCallV2.
    pub debug_call: u64,
    /// The runtime's code that traps to speak to a debugger: [start, end) of each function.
    pub speakers: Vec<(u64, u64)>,
    /// The code that may be interrupted for it: [start, end), in order of address.
    pub places: Vec<(u64, u64)>,
    pub layout: Layout,
    /// Words, and which of their bits are clear while nobody has the locks that the function takes.
    pub free: Vec<(u64, u32)>,
    /// How long, and how often, a thread is looked for.
    pub within: Duration,
    pub most_tries: u32,
}

/// What the caller says.
pub enum Said {
    /// It has begun to look for a thread; its process.
    Looking(pid_t),
    /// The function is about to run on this thread.
    Called(pid_t),
    Returned,
    /// With the type and the data of the panic's value, and the bytes that the data leads to, if it is a text.
    Panicked(u64, u64, Vec<u8>),
    /// The thread is as it was, and nobody traces it.
    Done,
    /// No thread was found on which it could be called: why not, and how often.
    Refused(String),
    /// The thread ended before the function came back.
    Lost(pid_t),
}

/// Our end of a caller. Forgetting it before the function runs ends the search for a thread, and nothing after that.
pub struct Call {
    answers: End,
    /// Kept open: that it is closed tells the caller that we have gone.
    _orders: End,
}

impl Call {
    /// Has a process of its own look for a thread, and call the function on it.
    pub fn begin(wish: &Wish) -> Outcome<Call> {
        let fail = because("making a caller", wish.process);
        let (theirs, orders) = pipe().map_err(&fail)?;
        let (answers, own) = pipe().map_err(&fail)?;
        let child = sys::fork().map_err(&fail)?;
        if child == 0 {
            drop((orders, answers));
            sys::leave_the_session(&[theirs.descriptor(), own.descriptor()]);
            // Once more, so that it is nobody's child: no one has to wait for it.
            match sys::fork() {
                Ok(0) => caller::call(wish, theirs, own),
                _ => sys::end_now(),
            }
        }
        sys::reap(child);
        Ok(Call {
            answers,
            _orders: orders,
        })
    }

    /// Returns what it says next, None where it says nothing within `time`; Gone where it has ended.
    pub fn hear(&mut self, process: pid_t, time: Duration) -> Outcome<Option<Said>> {
        self.answers.until = Instant::now() + time;
        if !self.answers.wait_for_more() {
            return Ok(None);
        }
        self.answers.until = Instant::now() + WORD;
        let (kind, number, raw) = receive(&mut self.answers).map_err(|_| Failure::Gone(process))?;
        match kind {
            0 => unpack(number, &raw).map(Some).ok_or(Failure::Gone(process)),
            _ => Err(failure(kind, number)),
        }
    }
}

/// Says `said`, or why there is nothing to say, to whoever still hears it.
fn tell(to: &mut End, said: &Outcome<Said>) {
    let _ = match said {
        Ok(said) => {
            let (number, raw) = pack(said);
            send(to, 0, number, &raw)
        }
        Err(failure) => {
            let (kind, number) = numbers(failure);
            send(to, kind, number, &[])
        }
    };
}

fn pack(said: &Said) -> (u64, Vec<u8>) {
    let of_thread = |id: &pid_t| id.to_le_bytes().to_vec();
    match said {
        Said::Looking(process) => (0, of_thread(process)),
        Said::Called(thread) => (1, of_thread(thread)),
        Said::Returned => (2, Vec::new()),
        Said::Panicked(kind, data, text) => {
            let mut raw = kind.to_le_bytes().to_vec();
            raw.extend(data.to_le_bytes());
            raw.extend(text);
            (3, raw)
        }
        Said::Done => (4, Vec::new()),
        Said::Refused(why) => (5, why.as_bytes().to_vec()),
        Said::Lost(thread) => (6, of_thread(thread)),
    }
}

fn unpack(number: u64, raw: &[u8]) -> Option<Said> {
    let thread = || Some(pid_t::from_le_bytes(raw.try_into().ok()?));
    let word = |at: usize| Some(u64::from_le_bytes(raw.get(at..at + 8)?.try_into().ok()?));
    Some(match number {
        0 => Said::Looking(thread()?),
        1 => Said::Called(thread()?),
        2 => Said::Returned,
        3 => Said::Panicked(word(0)?, word(8)?, raw[16..].to_vec()),
        4 => Said::Done,
        5 => Said::Refused(String::from_utf8_lossy(raw).into_owned()),
        _ => Said::Lost(thread()?),
    })
}
