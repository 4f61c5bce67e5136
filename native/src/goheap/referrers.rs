//! Who else leads to an object: the references backwards, for a few objects only.

use std::collections::HashMap;

use crate::image::Image;

use super::objects::Objects;
use super::references::References;
use super::retained::{MapHeads, retained_bytes};
use super::survey::Survey;

/// One word that leads to a target.
#[derive(Debug, Clone, Copy)]
pub struct Referrer {
    /// Which target.
    pub target: u32,
    /// Where the word lies in the heap; 0 for a root.
    pub address: u64,
    /// The number of the root.
    pub root: u32,
}

/// What was found: at most so many referrers of each target, how many there are, and what each target retains.
pub struct Referrers {
    pub referrers: Vec<Referrer>,
    pub counts: Vec<u64>,
    pub retained: Vec<u64>,
}

impl Survey {
    /// Returns the words that lead to the objects at `targets`, in one pass over all objects. `roots` are those that
    /// the survey was taken from; what only a special leads to has no other root, so those follow them here too.
    pub fn referrers(
        &self,
        image: &Image,
        targets: &[u64],
        roots: &[u64],
        most: usize,
    ) -> Referrers {
        let specials = self.specials.iter().map(|special| special.word);
        let roots: Vec<u64> = roots.iter().copied().chain(specials).collect();
        let slots: HashMap<u32, u32> = (0..)
            .zip(targets)
            .filter_map(|(number, &at)| Some((self.spans.find(at)?.1, number)))
            .collect();
        let mut found = Referrers {
            referrers: Vec::new(),
            counts: vec![0; targets.len()],
            retained: Vec::new(),
        };
        for (root, &word) in (0..).zip(&roots) {
            let slot = self.spans.find(word).map(|(_, slot)| slot);
            if let Some(&target) = slot.and_then(|slot| slots.get(&slot)) {
                found.add(target, 0, root, most);
            }
        }
        let mut objects = Objects::new(image, &self.spans, &self.layout, self.arenas.as_ref());
        for (span, slot) in self.marked.in_spans(&self.spans, |_| true) {
            let start = span.address(slot);
            objects.pointers(slot, |offset, value| {
                let to = self.spans.find(value).map(|(_, slot)| slot);
                if let Some(&target) = to.and_then(|to| slots.get(&to)) {
                    found.add(target, start + offset, 0, most);
                }
            });
        }
        // What is only shared is not asked here.
        let heads = MapHeads {
            header_bytes: 0,
            roots: Vec::new(),
        };
        let references = References::read(&objects, &self.marked);
        let all = retained_bytes(&self.spans, &self.marked, &roots, &[], &heads, references);
        let retained = |&at: &u64| {
            let (_, slot) = self.spans.find(at)?;
            let is_reached = self.marked.is_reached(slot);
            is_reached.then(|| all.by_object(&self.spans, slot))
        };
        found.retained = targets.iter().map(|at| retained(at).unwrap_or(0)).collect();
        found
    }
}

impl Referrers {
    fn add(&mut self, target: u32, address: u64, root: u32, most: usize) {
        let count = &mut self.counts[target as usize];
        *count += 1;
        if *count <= most as u64 {
            self.referrers.push(Referrer {
                target,
                address,
                root,
            });
        }
    }
}
