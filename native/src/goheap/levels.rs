//! What is equally far from the roots, in the order in which it is looked at.

use super::spans::Slot;
use crate::parallel::each_chunk;

/// From so many objects of one root at one distance on, their order says nothing of the way to what is below: they
/// are looked at by address, as memory answers best, this many parts of them one after the other.
const MANY: usize = 1 << 16;
const SORTED_AT_ONCE: usize = 1 << 22;

/// Objects at one distance, those of the first root first. `ends`: where those of one root end.
#[derive(Default)]
pub struct Level {
    pub objects: Vec<Slot>,
    pub ends: Vec<usize>,
}

impl Level {
    /// Returns a level of `objects` of one root.
    pub fn of(objects: Vec<Slot>) -> Level {
        let ends = Vec::new();
        let mut level = Level { objects, ends };
        level.end_run();
        level
    }

    /// Notes that what comes now is of another root.
    pub fn end_run(&mut self) {
        let first = self.ends.last().copied().unwrap_or(0);
        let run = &mut self.objects[first..];
        if run.is_empty() {
            return;
        }
        if run.len() >= MANY {
            each_chunk(run, SORTED_AT_ONCE, <[Slot]>::sort_unstable);
        }
        self.ends.push(self.objects.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_objects_of_one_root_change_their_order() {
        let mut level = Level::of(vec![3, 1, 2]);
        level.end_run();
        level.objects.extend((0..MANY as Slot).rev());
        level.end_run();
        level.objects.push(0);
        level.end_run();
        assert_eq!(level.ends, [3, 3 + MANY, 4 + MANY]);
        assert_eq!(level.objects[..3], [3, 1, 2]);
        assert!(level.objects[3..3 + MANY].is_sorted());
        assert_eq!(level.objects[3 + MANY], 0);
    }
}
