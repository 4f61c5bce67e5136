//! A thread of ours that has the tracer's role for as long as something is held, and does what it is asked to meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use libc::pid_t;

use super::failure::{Failure, Outcome, because};
use super::guardian::Guardian;
use super::message::Registers;
use super::snapshot;
use super::sys;
use super::window::{Window, wait_until_let_go};
use super::writing::Change;

/// Who stands right behind a write: thread, address, the old value, the values that it may have written.
pub type CaughtWrite = (pid_t, u64, u32, Vec<u32>);

/// What a keeper says once it holds something.
pub struct Hold {
    pub pid: pid_t,
    pub registers: Registers,
    pub writes: Vec<CaughtWrite>,
}

impl Hold {
    pub fn of(copy: &snapshot::Snapshot) -> Hold {
        Hold {
            pid: copy.copy,
            registers: copy.registers.clone(),
            writes: Vec::new(),
        }
    }
}

/// How long the process stood still, and whether nothing of us is left in it.
pub type Released = (Duration, bool);

/// What a keeper is asked to do in a stop, and whom it tells how that went.
pub enum Wish {
    Write(Vec<Change>, Sender<Outcome<()>>),
    Fork(CopyWish),
}

/// A copy that is to be forked into `room`: who hears of it, and what its own holder asks and hears.
pub struct CopyWish {
    pub room: u64,
    pub teller: Teller,
    pub asked: Receiver<Wish>,
    pub done: Sender<Outcome<Released>>,
}

/// Dropping the first tells the keeper to let go; the second says how that went.
pub type End = (Sender<Wish>, Receiver<Outcome<Released>>);

/// Runs `keep` in a thread of its own and returns once it has said what it holds, or why it could not.
pub fn start<F>(pid: pid_t, keep: F) -> Outcome<(Hold, End)>
where
    F: FnOnce(&mut Teller, &Receiver<Wish>, &mut Option<Copy>) -> Outcome<Released>
        + Send
        + 'static,
{
    let (say, hear) = channel();
    let (ask, asked) = channel::<Wish>();
    let (done, answer) = channel();
    let keeper = thread::Builder::new()
        .name("mapmedic-keeper".into())
        .spawn(move || {
            sys::run_first();
            let mut teller = Teller::new(say);
            let mut after = None;
            let how = keep(&mut teller, &asked, &mut after);
            match (teller.0, how) {
                // It never came to a hold.
                (Some(say), Err(failure)) => drop(say.send(Err(failure))),
                (_, how) => drop(done.send(how)),
            }
            // Whoever asks of the stop now is told that it is over.
            drop(asked);
            if let Some(copy) = after {
                copy.keep();
            }
        })
        .map_err(because("starting a thread", pid))?;
    let held = hear.recv().unwrap_or(Err(Failure::Gone(pid)));
    if held.is_err() {
        let _ = keeper.join();
        wait_until_let_go(pid);
    }
    Ok((held?, (ask, answer)))
}

/// Holds `window` until it is asked to let go or the time is up, and writes meanwhile what it is asked to.
pub fn keep(
    mut window: Window,
    writes: Vec<CaughtWrite>,
    teller: &mut Teller,
    asked: &Receiver<Wish>,
    (after, allowed): (&mut Option<Copy>, Duration),
) -> Outcome<Released> {
    let pid = window.process;
    let registers = window.threads.iter().map(|t| (t.id, t.registers)).collect();
    teller.tell(Hold {
        pid,
        registers,
        writes,
    });
    let late = loop {
        match asked.recv_timeout(window.time_left()) {
            // Whoever asked may have gone since.
            Ok(Wish::Write(changes, say)) => drop(say.send(window.write(&changes))),
            Ok(Wish::Fork(mut wish)) if after.is_some() => wish.teller.fail(Failure::Gone(pid)),
            Ok(Wish::Fork(wish)) => match Copy::of(&mut window, wish, allowed) {
                Some(copy) => *after = Some(copy),
                None => break true,
            },
            Err(end) => break end == RecvTimeoutError::Timeout,
        }
    };
    let pause = window.close();
    if late {
        Err(Failure::TooSlow(pid))
    } else {
        Ok((pause, true))
    }
}

/// Hands on to `guardian` what is asked for, until it is asked to let go.
pub fn keep_guarded(guardian: &mut Guardian, asked: &Receiver<Wish>) {
    while let Ok(wish) = asked.recv() {
        match wish {
            Wish::Write(changes, say) => drop(say.send(guardian.write(&changes))),
            // The threads are the guardian's: nothing is forked here.
            Wish::Fork(mut wish) => wish.teller.fail(Failure::Gone(guardian.process)),
        }
    }
}

/// A copy that was forked in a stop, which it outlives.
pub struct Copy {
    taken: snapshot::Snapshot,
    room: u64,
    allowed: Duration,
    asked: Receiver<Wish>,
    done: Sender<Outcome<Released>>,
}

impl Copy {
    /// Forks it and says so, or says why not.
    fn of(window: &mut Window, mut wish: CopyWish, allowed: Duration) -> Option<Copy> {
        match snapshot::take_in(window, wish.room) {
            Ok(taken) => {
                wish.teller.tell(Hold::of(&taken));
                Some(Copy {
                    taken,
                    room: wish.room,
                    allowed,
                    asked: wish.asked,
                    done: wish.done,
                })
            }
            Err(failure) => {
                wish.teller.fail(failure);
                None
            }
        }
    }

    /// Holds it until it is let go.
    fn keep(self) {
        let pid = self.taken.process;
        let bound = self.taken.bind();
        refuse_all(&self.asked, pid);
        let is_clean = self.taken.release(self.room, self.allowed);
        let _ = self.done.send(bound.map(|()| (Duration::ZERO, is_clean)));
    }
}

/// Waits until nobody asks any more. A copy is never run: nothing of it is anybody's to write.
pub fn refuse_all(asked: &Receiver<Wish>, pid: pid_t) {
    while let Ok(wish) = asked.recv() {
        match wish {
            Wish::Write(_, say) => drop(say.send(Err(Failure::Gone(pid)))),
            Wish::Fork(mut wish) => wish.teller.fail(Failure::Gone(pid)),
        }
    }
}

/// Says once what is held. Where nobody hears it any more, the keeper lets go all the same.
pub struct Teller(Option<Sender<Outcome<Hold>>>);

impl Teller {
    pub fn new(say: Sender<Outcome<Hold>>) -> Teller {
        Teller(Some(say))
    }

    pub fn tell(&mut self, hold: Hold) {
        if let Some(say) = self.0.take() {
            let _ = say.send(Ok(hold));
        }
    }

    pub fn fail(&mut self, failure: Failure) {
        if let Some(say) = self.0.take() {
            let _ = say.send(Err(failure));
        }
    }
}
