//! A window that outlives us: held by a small process of its own, which finishes what it writes whatever becomes of us.
//!
//! It is forked from ours and runs nothing but `guard`: it stops the process, says so over a pipe, writes what it
//! is sent, lets the process go. It leaves our session and takes no signal but the ones that nobody can refuse. Our end
//! is the end of its orders: what has not arrived whole is not written, what has is written to the last byte.
//!
//! Neither waits for the other for ever. It lets go when the time is up, whether we hear it or not. Where somebody has
//! stopped it, which nobody can refuse, we have it go on a little later, so that it ends what it writes; one that does
//! not even then is ended. The kernel lets every thread go with its tracer (kernel/ptrace.c, exit_ptrace; no EXITKILL
//! is set), and what they are not asked to by others, they do not stop for.

use std::io;
use std::time::{Duration, Instant};

use libc::pid_t;

use super::failure::{Failure, Outcome, because};
use super::message::{Answer, Registers, receive_changes, send_changes};
use super::pipe::{End, pipe};
use super::sys;
use super::window::Window;
use super::writing::Change;

/// So much later than it has to, a guardian that has not let go was stopped; and so much later it does not go on.
const GRACE: Duration = Duration::from_secs(1);

/// Our end of a guardian. Forgetting it lets the process go, and waits until that is done.
pub struct Guardian {
    pub process: pid_t,
    child: pid_t,
    deadline: Instant,
    orders: Option<End>,
    answers: End,
    /// It has said that the time was up, or has been ended.
    over: bool,
}

impl Guardian {
    /// Has a process of its own stop every thread of `process`, for `allowed` at most.
    pub fn open(process: pid_t, allowed: Duration) -> Outcome<(Guardian, Registers)> {
        let fail = because("making a guardian", process);
        let (theirs, mut orders) = pipe().map_err(&fail)?;
        let (mut answers, own) = pipe().map_err(&fail)?;
        let child = sys::fork().map_err(&fail)?;
        if child == 0 {
            // The ends that are ours would keep it from seeing that we have gone.
            drop((orders, answers));
            guard(process, allowed, theirs, own);
        }
        drop((theirs, own));
        let deadline = Instant::now() + allowed;
        (orders.until, answers.until) = (deadline + GRACE, deadline + GRACE);
        let mut guardian = Guardian {
            process,
            child,
            deadline,
            orders: Some(orders),
            answers,
            over: false,
        };
        match guardian.hear() {
            Some(Answer::Holding(registers)) => Ok((guardian, registers)),
            Some(Answer::Failed(failure)) => Err(failure),
            _ if Instant::now() > deadline => Err(Failure::TooSlow(process)),
            _ => Err(Failure::Gone(process)),
        }
    }

    /// Writes while every thread stands still. Unanswered where nobody knows whether it did.
    pub fn write(&mut self, changes: &[Change]) -> Outcome<()> {
        let late = Failure::TooSlow(self.process);
        let orders = self.orders.as_mut().filter(|_| !self.over);
        // An order that it has not read to its end is not carried out.
        if orders.is_none_or(|orders| send_changes(orders, changes).is_err()) {
            self.over = true;
            return Err(late);
        }
        match self.hear() {
            Some(Answer::Written) => Ok(()),
            Some(Answer::Failed(failure)) => Err(failure),
            Some(_) => {
                self.over = true;
                Err(late)
            }
            None => {
                self.over = true;
                Err(Failure::Unanswered(self.process))
            }
        }
    }

    /// Lets every thread go and returns how long they stood still.
    pub fn close(mut self) -> Outcome<Duration> {
        self.orders = None;
        let said = if self.over { None } else { self.hear() };
        match said {
            Some(Answer::LetGo(pause)) => Ok(pause),
            Some(Answer::Failed(failure)) => Err(failure),
            _ if self.over || Instant::now() > self.deadline => Err(Failure::TooSlow(self.process)),
            _ => Err(Failure::Gone(self.process)),
        }
    }

    /// Returns what it answers next; None where it has ended, or has to be.
    fn hear(&mut self) -> Option<Answer> {
        if !self.answers.wait_for_more() {
            self.wake();
        }
        Answer::receive(&mut self.answers).ok()
    }

    /// Has it go on, for what it still has to do.
    fn wake(&mut self) {
        let _ = sys::wake(self.child);
        self.answers.until += GRACE;
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.orders = None;
        if !self.answers.is_over() {
            self.wake();
        }
        if !self.answers.is_over() {
            let _ = sys::kill_now(self.child);
        }
        sys::reap(self.child);
    }
}

/// What the guardian itself does; it never comes back.
fn guard(process: pid_t, allowed: Duration, mut orders: End, mut answers: End) -> ! {
    sys::leave_the_session(&[orders.descriptor(), answers.descriptor()]);
    sys::run_first();
    // The last to be ended where memory is short; where we may not say so, it is as likely as any.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    let _ = match Window::open(process, allowed) {
        Ok(window) => hold(window, &mut orders, &mut answers),
        Err(failure) => Answer::Failed(failure).send(&mut answers),
    };
    sys::end_now()
}

fn hold(window: Window, orders: &mut End, answers: &mut End) -> io::Result<()> {
    (orders.until, answers.until) = (window.deadline, window.deadline);
    let registers = window.threads.iter().map(|t| (t.id, t.registers)).collect();
    // Where that cannot be said in time, all of them go.
    Answer::Holding(registers).send(answers)?;
    let how = obey(&window, orders, answers);
    let process = window.process;
    let pause = window.close();
    match how {
        Ok(()) => Answer::LetGo(pause),
        Err(_) => Answer::Failed(Failure::TooSlow(process)),
    }
    .send(answers)
}

/// Carries out orders until there are no more; TimedOut where that was not before the time was up.
fn obey(window: &Window, orders: &mut End, answers: &mut End) -> io::Result<()> {
    while !window.time_left().is_zero() {
        let changes = match receive_changes(orders) {
            Ok(changes) => changes,
            // Whoever gave them has gone, or has let go.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        match window.write(&changes) {
            Ok(()) => Answer::Written,
            Err(failure) => Answer::Failed(failure),
        }
        .send(answers)?;
    }
    Err(io::ErrorKind::TimedOut.into())
}
