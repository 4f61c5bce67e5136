//! Many small places of a process read at once, with few system calls.

use libc::pid_t;

use super::failure::{Failure, Outcome, because};
use super::sys;

/// include/uapi/linux/uio.h, UIO_MAXIOV.
const MOST_PLACES: usize = 1024;
/// More than this at once is nobody's small places.
const MOST_BYTES: usize = 1 << 30;

/// Returns what lies at each of `places` (address, bytes) of `process`; None where not all of it can be read.
pub fn read(process: pid_t, places: &[(u64, usize)]) -> Outcome<Vec<Option<Vec<u8>>>> {
    let mut left = MOST_BYTES;
    for &(address, bytes) in places {
        left = left.checked_sub(bytes).ok_or(Failure::NoRoom(address))?;
    }
    let mut found = Vec::with_capacity(places.len());
    while found.len() < places.len() {
        let rest = &places[found.len()..];
        let batch = &rest[..rest.len().min(MOST_PLACES)];
        let whole: usize = batch.iter().map(|&(_, bytes)| bytes).sum();
        let mut buffer = vec![0; whole];
        let read = match sys::read_scattered(process, batch, &mut buffer) {
            Ok(read) => read,
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => 0,
            Err(error) => return Err(because("reading scattered memory", process)(error)),
        };
        let before = found.len();
        let mut at = 0;
        for &(_, bytes) in batch {
            if at + bytes > read {
                break;
            }
            found.push(Some(buffer[at..at + bytes].to_vec()));
            at += bytes;
        }
        if found.len() - before < batch.len() {
            found.push(None); // this is the one; what stands behind it is asked for again
        }
    }
    Ok(found)
}
