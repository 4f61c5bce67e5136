//! A copy of a process's memory as of one moment: forked copy-on-write, and never run.
//!
//! The order, and what happens where we die at that point:
//!   1. all threads stopped                      the kernel lets them go with us
//!   2. the code written where nothing runs      bytes that nothing points to
//!   3. one thread sent there (one SETREGS)      it makes the copy, which ends itself, and goes on (`stub`)
//!   4. the thread put back, the bytes put back  as 2
//!   5. all threads let go, the copy held        the copy is killed by the kernel (EXITKILL), or ends itself
//!   6. the copy killed and reaped               as 3

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use libc::{pid_t, user_regs_struct};

use super::failure::{Failure, Outcome, because};
use super::job_control::Unstopped;
use super::stub::{self, Call};
use super::sys::{self, Status};
use super::window::{Thread, Window};

const POLL: Duration = Duration::from_micros(20);
const WORD: usize = 8;
/// How often a thread is asked to take note of the copy's end.
const REAP_TRIES: u32 = 5;
/// How long a copy of ours may take to die after SIGKILL: its memory has to be given back first.
const DEATH: Duration = Duration::from_secs(10);

pub struct Snapshot {
    pub process: pid_t,
    /// The copy's id as we see it, and as the process sees it: it may live in a PID namespace of its own.
    pub copy: pid_t,
    theirs: pid_t,
    pub pause: Duration,
    pub registers: Vec<(pid_t, user_regs_struct)>,
}

/// Stops `process`, forks a frozen copy of it and lets it run on. `room` is the address of
/// `stub::MAX_BYTES` zero bytes in an executable mapping that the program never uses.
pub fn take(process: pid_t, room: u64, allowed: Duration) -> Outcome<Snapshot> {
    let _unstopped = Unstopped::new();
    let mut window = Window::open(process, allowed)?;
    let mut taken = take_in(&mut window, room)?;
    taken.pause = window.close();
    taken.bind()?;
    Ok(taken)
}

/// Forks a frozen copy of the process that stands still in `window`, which must be closed where that fails: a thread
/// may be on its way back then. The copy is to be bound once nothing waits for it.
pub fn take_in(window: &mut Window, room: u64) -> Outcome<Snapshot> {
    let answer = fork_in(window, room)?;
    Ok(Snapshot {
        process: window.process,
        copy: answer.made.ok_or(Failure::Gone(window.process))?,
        theirs: answer.value,
        pause: Duration::ZERO,
        registers: window.threads.iter().map(|t| (t.id, t.registers)).collect(),
    })
}

impl Snapshot {
    /// Waits until the copy stands still, and makes the kernel end it with us. Until then it would end itself.
    pub fn bind(&self) -> Outcome<()> {
        wait_for_stop(self.copy, Instant::now() + DEATH)
    }

    /// Ends the copy and takes it off the process's list of children; tells whether that was done. What was
    /// read is good either way.
    pub fn release(self, room: u64, allowed: Duration) -> bool {
        if sys::kill_now(self.copy).is_err() || wait_for_end(self.copy).is_err() {
            return false;
        }
        (0..REAP_TRIES).any(|_| self.reap(room, allowed).is_ok())
    }

    fn reap(&self, room: u64, allowed: Duration) -> Outcome<()> {
        let _unstopped = Unstopped::new();
        let mut window = Window::open_one(self.process, allowed)?;
        call_in(&mut window, room, Call::reap(self.theirs)).map(drop)
    }
}

/// Code segment of 64-bit user code: arch/x86/include/asm/segment.h, __USER_CS.
const USER_64: u64 = 0x33;

/// "Make this call again, a signal came first": include/linux/errno.h, ERESTARTNOINTR. A tracer sees it.
const CALL_AGAIN: i32 = 513;
const FORK_TRIES: usize = 20;
const ALL_SIGNALS: u64 = u64::MAX;

/// Forks. What cannot be blocked (a stop by job control, the kernel's own work for the thread) breaks a fork off before
/// it begins.
fn fork_in(window: &mut Window, room: u64) -> Outcome<Answer> {
    let mut answer = call_in(window, room, Call::fork());
    for _ in 1..FORK_TRIES {
        if !matches!(answer, Err(Failure::CallRefused(CALL_AGAIN))) {
            break;
        }
        answer = call_in(window, room, Call::fork());
    }
    answer
}

/// Makes `call` in a stopped thread of the window and returns its answer; the thread is stopped again, and
/// is where it was, when this returns.
fn call_in(window: &mut Window, room: u64, call: Call) -> Outcome<Answer> {
    let deadline = window.deadline;
    require_room(window, room)?;
    let chosen = choose(&window.threads);
    let thread = &mut window.threads[chosen];
    let id = thread.id;
    if thread.registers.cs != USER_64 {
        return Err(Failure::OtherMachine);
    }
    let back = stub::continued(&thread.registers);
    let mask = sys::blocked_signals(id).map_err(because("reading the signal mask", id))?;
    let code = stub::machine_code(call, &back, mask);
    write(id, room, &code)?;
    let mut there = thread.registers;
    (there.rip, there.orig_rax) = (room, u64::MAX);
    sys::set_registers(id, &there).map_err(because("sending a thread", id))?;
    // From here the code puts the mask back, whatever becomes of us. No signal is taken from the thread meanwhile: the
    // kernel keeps them for it, the one that it may have stopped for included.
    let _ = sys::block_signals(id, ALL_SIGNALS);
    let mut run = Run {
        thread,
        made: None,
        deadline,
    };
    let answer = run.through_one_call();
    // A thread that stands still is put back, and then the bytes are. One that does not finds its way alone.
    let _ = sys::block_signals(id, mask);
    if sys::set_registers(id, &back).is_ok() {
        write(id, room, &[0; stub::MAX_BYTES])?;
    }
    answer
}

/// Returns the best thread to borrow: with no signal to hold, and not in a system call.
fn choose(threads: &[Thread]) -> usize {
    let cost = |t: &Thread| (t.signal != 0, (t.registers.orig_rax as i64) >= 0);
    (0..threads.len())
        .min_by_key(|&i| cost(&threads[i]))
        .unwrap_or(0)
}

/// What a call answered, and the process that it made, as we see it.
struct Answer {
    value: pid_t,
    made: Option<pid_t>,
}

struct Run<'a> {
    thread: &'a mut Thread,
    made: Option<pid_t>,
    deadline: Instant,
}

impl Run<'_> {
    /// Runs to the entry of the call, and to its exit; returns what it answered. Once the call is entered nobody
    /// can break it off: time is up before that, or not at all.
    fn through_one_call(&mut self) -> Outcome<Answer> {
        self.run_to_stop()?;
        if Instant::now() > self.deadline {
            return self.skip_the_call();
        }
        self.deadline = Instant::now() + DEATH;
        self.run_to_stop()?;
        let registers = sys::registers(self.thread.id)
            .map_err(because("reading the answer", self.thread.id))?;
        match registers.rax as i64 {
            errno @ -4095..=-1 => Err(Failure::CallRefused(-errno as i32)),
            value => Ok(Answer {
                value: value as pid_t,
                made: self.made,
            }),
        }
    }

    fn run_to_stop(&mut self) -> Outcome<()> {
        self.go_on()?;
        loop {
            match sys::poll(self.thread.id).map_err(because("running the call", self.thread.id))? {
                Status::SystemCall => return Ok(()),
                Status::Gone => return Err(Failure::Gone(self.thread.id)),
                Status::Running if Instant::now() > self.deadline => return self.give_up(),
                Status::Running => std::thread::sleep(POLL),
                Status::SignalDelivery(signal) => {
                    self.thread.signal = signal;
                    self.go_on()?;
                }
                Status::Trap { event } => {
                    if event == libc::PTRACE_EVENT_CLONE {
                        self.made = sys::event_message(self.thread.id)
                            .ok()
                            .map(|id| id as pid_t);
                    }
                    self.go_on()?;
                }
            }
        }
    }

    /// Runs on, and hands back the signal that it stopped for: blocked by now, that waits in the kernel and not with
    /// us, who may be killed. SIGSTOP cannot be blocked: the window is given up, and it is delivered.
    fn go_on(&mut self) -> Outcome<()> {
        let id = self.thread.id;
        if self.thread.signal == libc::SIGSTOP {
            return Err(Failure::TooSlow(id));
        }
        sys::run_to_syscall(id, self.thread.signal).map_err(because("running the call", id))?;
        self.thread.signal = 0;
        Ok(())
    }

    /// A call number of -1 is no call: the kernel goes straight to the exit.
    fn skip_the_call(&mut self) -> Outcome<Answer> {
        let id = self.thread.id;
        let mut nowhere = sys::registers(id).map_err(because("skipping the call", id))?;
        nowhere.orig_rax = u64::MAX;
        sys::set_registers(id, &nowhere).map_err(because("skipping the call", id))?;
        self.deadline = Instant::now() + DEATH;
        self.run_to_stop()?;
        Err(Failure::TooSlow(self.thread.id))
    }

    fn give_up(&self) -> Outcome<()> {
        let _ = sys::interrupt(self.thread.id);
        Err(Failure::TooSlow(self.thread.id))
    }
}

/// Room is what is all zero, or holds code of ours that a tool left which was killed, and no thread is on its way through.
fn require_room(window: &Window, room: u64) -> Outcome<()> {
    let (process, end) = (window.process, room + stub::MAX_BYTES as u64);
    let mut bytes = [0xff; stub::MAX_BYTES];
    let memory = File::open(format!("/proc/{process}/mem"))
        .map_err(because("opening the memory", process))?;
    let is_there = |thread: &Thread| (room..end).contains(&thread.registers.rip);
    match memory.read_exact_at(&mut bytes, room) {
        Ok(()) if bytes.iter().all(|&byte| byte == 0) => Ok(()),
        Ok(()) if bytes.starts_with(&stub::MARK) && !window.threads.iter().any(is_there) => Ok(()),
        _ => Err(Failure::NoRoom(room)),
    }
}

fn write(thread: pid_t, address: u64, bytes: &[u8]) -> Outcome<()> {
    for (index, chunk) in bytes.chunks(WORD).enumerate() {
        let mut word = [0; WORD];
        word[..chunk.len()].copy_from_slice(chunk);
        sys::poke(
            thread,
            address + (index * WORD) as u64,
            u64::from_le_bytes(word),
        )
        .map_err(because("writing the code", thread))?;
    }
    Ok(())
}

fn wait_for_stop(copy: pid_t, deadline: Instant) -> Outcome<()> {
    loop {
        match sys::poll(copy).map_err(because("waiting for the copy", copy))? {
            Status::Running if Instant::now() > deadline => {
                return Err(Failure::TooSlow(copy));
            }
            Status::Running => std::thread::sleep(POLL),
            Status::Gone => return Err(Failure::Gone(copy)),
            _ => return sys::kill_with_us(copy).map_err(because("binding the copy to us", copy)),
        }
    }
}

fn wait_for_end(copy: pid_t) -> Outcome<()> {
    let deadline = Instant::now() + DEATH;
    loop {
        match sys::poll(copy) {
            Ok(Status::Gone) | Err(_) => return Ok(()),
            Ok(_) if Instant::now() > deadline => {
                return Err(Failure::TooSlow(copy));
            }
            Ok(_) => std::thread::sleep(POLL),
        }
    }
}
