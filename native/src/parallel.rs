//! Work that several threads share; what comes out does not depend on how many there are.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;

/// More would wait for memory, not compute.
const MOST_THREADS: usize = 8;

/// Returns how many threads are worth while.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS))
}

/// Returns what `work` makes of each of the parts 0 to `parts`, in their order; each part is worked on at once.
pub fn in_parallel<R: Send>(parts: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let begin = |part| {
            let work = &work;
            thread::Builder::new().spawn_scoped(scope, move || work(part))
        };
        let others: Vec<_> = (1..parts).map(begin).collect();
        let mut made = vec![work(0)];
        for (part, other) in (1..).zip(others) {
            // Where no thread can be had, it is done here.
            made.push(match other.map(thread::ScopedJoinHandle::join) {
                Ok(joined) => joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => work(part),
            });
        }
        made
    })
}

/// Returns what `there`, in a thread of its own, and `here` make.
pub fn beside<A: Send, B>(there: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    let there = Mutex::new(Some(there));
    let work = || there.lock().ok()?.take().map(|there| there());
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, work);
        let made = here();
        let other = match other.map(thread::ScopedJoinHandle::join) {
            Ok(joined) => joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => work(),
        };
        (other.expect("nobody else takes it"), made)
    })
}

/// Returns part number `part` of `0..length`, cut into `parts` of one size.
pub fn share(length: usize, part: usize, parts: usize) -> Range<usize> {
    length * part / parts..length * (part + 1) / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_and_in_order() {
        for length in [0, 1, 2, 7, 100] {
            for parts in 1..9 {
                let made =
                    in_parallel(parts, |part| share(length, part, parts).collect::<Vec<_>>());
                assert_eq!(made.concat(), (0..length).collect::<Vec<_>>());
            }
        }
    }
}
