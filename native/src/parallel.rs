//! Work that several threads share; what comes out does not depend on how many there are.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// More would wait for memory, not compute.
const MOST_THREADS: usize = 8;
/// Fewer are in order before a thread has begun.
const WORTH_SHARING: usize = 1 << 15;

/// Returns how many threads are worth while.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS))
}

/// Returns what `work` makes of each of the parts 0 to `parts`, in their order; who is done takes the next one.
pub fn in_parallel<R: Send>(parts: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut made = Vec::new();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return made;
            }
            made.push((part, work(part)));
        }
    };
    let mut made = thread::scope(|scope| {
        let begin = |_| thread::Builder::new().spawn_scoped(scope, take);
        // Where no thread can be had, the others do it.
        let others: Vec<_> = (1..parts.min(threads())).flat_map(begin).collect();
        let mut made = take();
        for other in others {
            let joined = other.join();
            made.extend(joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|&(part, _)| part);
    made.into_iter().map(|(_, made)| made).collect()
}

/// Does `work` on each piece of `all` of `size` (the last one is shorter).
pub fn each_chunk<T: Send>(all: &mut [T], size: usize, work: impl Fn(&mut [T]) + Sync) {
    let parts = threads().min(all.len().div_ceil(size));
    let left = Mutex::new(all.chunks_mut(size));
    let next = || {
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        left.next()
    };
    in_parallel(parts, |_| {
        while let Some(chunk) = next() {
            work(chunk);
        }
    });
}

/// Sorts `all` by `key`; what has the same key stays in its order.
pub fn sort_by_key<T: Send, K: Ord>(all: &mut [T], key: impl Fn(&T) -> K + Sync) {
    if all.len() >= WORTH_SHARING {
        let piece = all.len().div_ceil(threads());
        each_chunk(all, piece, |piece| piece.sort_by_key(&key));
    }
    // Finds the pieces in order, and has only to merge them.
    all.sort_by_key(key);
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

    #[test]
    fn what_has_the_same_key_stays_in_its_order() {
        for length in [
            0,
            1,
            WORTH_SHARING - 1,
            WORTH_SHARING,
            3 * WORTH_SHARING + 1,
        ] {
            let mut all: Vec<_> = (0..length).map(|at| (at * 7919 % 101, at)).collect();
            let mut sorted = all.clone();
            sorted.sort();
            sort_by_key(&mut all, |&(key, _)| key);
            assert_eq!(all, sorted);
        }
    }
}
