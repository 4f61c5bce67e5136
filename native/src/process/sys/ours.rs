//! Processes of our own: how they begin, what they leave, how they end.

use std::io;

use libc::{c_int, pid_t};

/// Has this thread run before all that is not as urgent, where the kernel lets us: somebody stands still for it.
pub fn run_first() {
    let least_urgent = libc::sched_param { sched_priority: 1 };
    // SAFETY: the kernel reads one sched_param, of this thread alone (0). Where it refuses, nothing has changed.
    unsafe {
        libc::sched_setscheduler(
            0,
            libc::SCHED_RR | libc::SCHED_RESET_ON_FORK,
            &raw const least_urgent,
        );
    }
}

/// Ends a process that nobody else shall ever run.
pub fn kill_now(process: pid_t) -> io::Result<()> {
    signal(process, libc::SIGKILL)
}

/// Has a process of ours that somebody stopped go on.
pub fn wake(process: pid_t) -> io::Result<()> {
    signal(process, libc::SIGCONT)
}

fn signal(process: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: kill takes two numbers.
    if unsafe { libc::kill(process, signal) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes a process that is a copy of ours, of this thread alone; 0 is what the copy gets.
pub fn fork() -> io::Result<pid_t> {
    // SAFETY: the copy has this thread alone. It takes no lock that another of our threads may have held: the
    // allocator's are made sound by fork itself (pthread_atfork), and Python's are never asked for.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        child => Ok(child),
    }
}

/// Leaves our session, takes no signals any more, and closes every descriptor but those of `kept` and the first three.
pub fn leave_the_session(kept: &[c_int]) {
    // SAFETY: all of these take numbers, or a set of signals of our own.
    unsafe {
        libc::setsid();
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
        let mut kept = kept.to_vec();
        kept.sort_unstable();
        let mut from = 3;
        for each in kept.into_iter().chain([c_int::MAX]) {
            if from < each {
                libc::syscall(libc::SYS_close_range, from, each - 1, 0);
            }
            from = from.max(each.saturating_add(1));
        }
    }
}

/// Gives up the first three files: whoever reads what we print must not wait for this process as well.
pub fn leave_the_terminal() {
    // SAFETY: open takes a text that ends in zero, dup2 and close numbers.
    unsafe {
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        for each in 0..3 {
            if nothing == -1 {
                libc::close(each);
            } else {
                libc::dup2(nothing, each);
            }
        }
    }
}

/// Returns the number of this process.
pub fn our_process() -> pid_t {
    // SAFETY: getpid takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// Ends this process without a word to anything in it.
pub fn end_now() -> ! {
    // SAFETY: _exit takes a number and does not come back.
    unsafe { libc::_exit(0) }
}

/// Waits until `child`, which ends by itself, has ended.
pub fn reap(child: pid_t) {
    // SAFETY: waitpid writes one status to ours.
    unsafe {
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, libc::__WALL) == -1
            && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
        {}
    }
}
