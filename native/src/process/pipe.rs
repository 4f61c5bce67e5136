//! A pipe between two processes of ours, at which nobody waits for longer than was said.
//!
//! The other end may be stopped by somebody, with the pipe full or empty for ever.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libc::{c_int, c_short};

/// One end. What is there, or has room, is taken at any time; waited is until `until` only.
pub struct End {
    file: File,
    pub until: Instant,
}

/// Returns the end to read from, and the one to write to; neither waits before `until` is set.
pub fn pipe() -> io::Result<(End, End)> {
    let mut ends: [c_int; 2] = [0; 2];
    // SAFETY: the kernel writes two descriptors to ours.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just made, and nobody else has them.
    let [read, write] = ends.map(|each| End {
        file: File::from(unsafe { OwnedFd::from_raw_fd(each) }),
        until: Instant::now(),
    });
    Ok((read, write))
}

impl End {
    pub fn descriptor(&self) -> c_int {
        self.file.as_raw_fd()
    }

    /// Tells whether something came, or the other end was closed, before the time was up.
    pub fn wait_for_more(&self) -> bool {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if wait(self.descriptor(), libc::POLLIN, left) {
                return true;
            }
            if left.is_zero() {
                return false;
            }
        }
    }

    /// Tells whether the other end is closed, having waited for that; what still comes is thrown away.
    pub fn is_over(&mut self) -> bool {
        let mut rest = [0; 4096];
        loop {
            match self.read(&mut rest) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// Makes `step` as soon as it can be made.
    fn when(
        &mut self,
        event: c_short,
        mut step: impl FnMut(&mut File) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match step(&mut self.file) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            wait(self.descriptor(), event, left);
        }
    }
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.when(libc::POLLIN, |file| file.read(into))
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.when(libc::POLLOUT, |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells whether `event`, or an end, was there before `time` was up; false also where a signal came first.
fn wait(descriptor: c_int, event: c_short, time: Duration) -> bool {
    let mut wanted = libc::pollfd {
        fd: descriptor,
        events: event,
        revents: 0,
    };
    let milliseconds = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the kernel reads and writes one pollfd of ours.
    unsafe { libc::poll(&raw mut wanted, 1, milliseconds.max(1)) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn nobody_waits_for_one_who_does_not_read() {
        let (mut read, mut write) = pipe().unwrap();
        write.until = Instant::now() + SHORT;
        let error = write.write_all(&vec![7; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(Instant::now() >= write.until);
        // What is there is taken, however late.
        let mut first = [0; 3];
        read.read_exact(&mut first).unwrap();
        assert_eq!(first, [7; 3]);
        assert!(read.wait_for_more());
    }

    #[test]
    fn nobody_waits_for_one_who_does_not_write() {
        let (mut read, write) = pipe().unwrap();
        read.until = Instant::now() + SHORT;
        assert!(!read.wait_for_more() && !read.is_over());
        let error = read.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(write);
        assert!(read.is_over());
    }
}
