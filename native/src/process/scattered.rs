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
    let mut found = Vec::with_capacity(places.len());
    visit(process, places, |_, bytes| {
        found.push(bytes.map(<[u8]>::to_vec));
    })?;
    Ok(found)
}

/// Bytes, and where each piece of them lay: (address, bytes, offset).
type Gathered = (Vec<u8>, Vec<(u64, u64, u64)>);

/// Returns the bytes at those of `places` that can be read, one behind the other.
pub fn gather(process: pid_t, places: &[(u64, usize)]) -> Outcome<Gathered> {
    let (mut all, mut pieces) = (Vec::new(), Vec::with_capacity(places.len()));
    visit(process, places, |(address, size), bytes| {
        if let Some(bytes) = bytes.filter(|_| size > 0) {
            pieces.push((address, size as u64, all.len() as u64));
            all.extend_from_slice(bytes);
        }
    })?;
    Ok((all, pieces))
}

/// Hands each of `places`, in order, to `sink` with what lies there; None where not all of it can be read.
fn visit(
    process: pid_t,
    places: &[(u64, usize)],
    mut sink: impl FnMut((u64, usize), Option<&[u8]>),
) -> Outcome<()> {
    let mut left = MOST_BYTES;
    for &(address, bytes) in places {
        left = left.checked_sub(bytes).ok_or(Failure::NoRoom(address))?;
    }
    let mut done = 0;
    while done < places.len() {
        let rest = &places[done..];
        let batch = &rest[..rest.len().min(MOST_PLACES)];
        let whole: usize = batch.iter().map(|&(_, bytes)| bytes).sum();
        let mut buffer = vec![0; whole];
        let read = match sys::read_scattered(process, batch, &mut buffer) {
            Ok(read) => read,
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => 0,
            Err(error) => return Err(because("reading scattered memory", process)(error)),
        };
        let (before, mut at) = (done, 0);
        for &(address, bytes) in batch {
            if at + bytes > read {
                break;
            }
            sink((address, bytes), Some(&buffer[at..at + bytes]));
            at += bytes;
            done += 1;
        }
        if done - before < batch.len() {
            sink(places[done], None); // this is the one; what stands behind it is asked for again
            done += 1;
        }
    }
    Ok(())
}
