//! How an object was first reached: from a root, step by step.

use super::layout::WORD;
use super::mark::ROOT;
use super::shapes::Shape;
use super::spans::Slot;
use super::survey::Survey;
use super::syncmaps::Place;
use super::telling::has_header;

/// One step of the way from a root to an object.
pub struct Step {
    /// Of the value, behind the header of its object; 0 for the root.
    pub address: u64,
    /// Where in the object the way goes on, in bytes; in the root, its number.
    pub place: u32,
    pub shape: Shape,
}

impl Survey {
    /// Returns the address of the object that `place` lies in, 0 for a global variable.
    pub fn holder(&self, place: Place) -> u64 {
        place
            .object
            .map_or(0, |slot| self.spans.of_slot(slot).address(slot))
    }

    /// Returns the addresses of the words, one in each object on the way, that lead from the root to the object at
    /// `address`; the root's own is not among them. None where the object was not reached.
    pub fn way_words(&self, address: u64) -> Option<Vec<u64>> {
        let mut at = self.reached_at(address)?;
        let mut words = Vec::new();
        while self.marked.parent[at as usize] != ROOT {
            let place = u64::from(self.marked.place[at as usize]);
            at = self.marked.parent[at as usize];
            words.push(self.spans.of_slot(at).address(at) + place);
        }
        words.reverse();
        Some(words)
    }

    /// Returns how the object at `address` was first reached: from the root (the first step) to who holds it.
    pub fn way(&self, address: u64) -> Option<Vec<Step>> {
        Some(self.way_of(self.reached_at(address)?))
    }

    fn reached_at(&self, address: u64) -> Option<Slot> {
        let (_, slot) = self.spans.find(address)?;
        self.marked.is_reached(slot).then_some(slot)
    }

    /// Returns how what lies at `address` was first reached: the way to its object, and the step within that.
    pub fn way_into(&self, address: u64) -> Option<Vec<Step>> {
        let mut steps = self.way(address)?;
        let (span, slot) = self.spans.find(address)?;
        let place = (address - span.address(slot)) as u32;
        steps.push(self.step(slot, place));
        Some(steps)
    }

    fn way_of(&self, mut at: Slot) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let (parent, place) = (
                self.marked.parent[at as usize],
                self.marked.place[at as usize],
            );
            if parent == ROOT {
                steps.extend(self.step_of_special(place));
                steps.push(Step {
                    address: 0,
                    place,
                    shape: Shape::Unknown,
                });
                steps.reverse();
                return steps;
            }
            steps.push(self.step(parent, place));
            at = parent;
        }
    }

    /// Returns the step within an object with a finalizer, which root number `root` is a word of.
    fn step_of_special(&self, root: u32) -> Option<Step> {
        let special = self.specials.get(root.checked_sub(self.roots)? as usize)?;
        let (span, _) = self.spans.find(special.object)?;
        let header = if has_header(span, &self.layout) {
            WORD as u32
        } else {
            0
        };
        Some(Step {
            address: special.object + u64::from(header),
            place: special.place?.saturating_sub(header),
            shape: match special.kind {
                0 => Shape::Unknown,
                kind => Shape::Values(kind),
            },
        })
    }

    fn step(&self, slot: Slot, place: u32) -> Step {
        let span = self.spans.of_slot(slot);
        // Offsets are those in the value: a header is the allocator's own.
        let header = if has_header(span, &self.layout) {
            WORD as u32
        } else {
            0
        };
        Step {
            address: span.address(slot) + u64::from(header),
            place: place.saturating_sub(header),
            shape: self.shapes[self.told[slot as usize] as usize],
        }
    }
}
