//! The live slots of one map: where each key and each element lies.
//!
//! swiss: src/internal/runtime/maps/group.go (Go 1.24 and up); classic: src/runtime/map.go.

use pyo3::prelude::*;

use crate::image::Image;

use super::maps::{EMPTY, PARTS};

/// Where keys and elements lie in one group (Swiss) or bucket (classic), in bytes from its start.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct SlotLayout {
    pub swiss: bool,
    pub group_bytes: u64,
    pub key_offset: u64,
    pub key_stride: u64,
    pub elem_offset: u64,
    pub elem_stride: u64,
    /// The slot holds a pointer to the key, to the element.
    pub key_indirect: bool,
    pub elem_indirect: bool,
}

impl SlotLayout {
    /// Tells whether every key and element of a group lies within it: nothing overflows from here on.
    pub fn is_sane(&self) -> bool {
        let within = |offset: u64, stride: u64| {
            let end = stride.checked_mul(SLOTS_PER_GROUP - 1);
            end.and_then(|end| end.checked_add(offset))
                .is_some_and(|last| last <= self.group_bytes)
        };
        (8..1 << 32).contains(&self.group_bytes)
            && within(self.key_offset, self.key_stride)
            && within(self.elem_offset, self.elem_stride)
    }
}

/// What to hand back: each `every`-th live slot, at most `most` of them, of a map of at most `slots` slots.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub slots: u64,
    pub every: u64,
    pub most: usize,
}

/// The live slots seen, and the addresses of the sampled keys and elements; 0 for one that cannot be read.
#[derive(Default)]
pub struct Slots {
    pub live: u64,
    pub keys: Vec<u64>,
    pub elems: Vec<u64>,
}

const SLOTS_PER_GROUP: u64 = 8;
/// Classic: smaller values mark a slot that is empty or whose entry was moved (src/runtime/map.go, minTopHash).
const MIN_TOP_HASH: u8 = 5;
/// Classic: the new buckets are as many as the old ones.
const SAME_SIZE_GROW: u8 = 8;
const MOST_LOG: u8 = 40;

/// Returns the live slots of the map whose header is at `header`; None where a part of it cannot be read, or it
/// has more slots than it should.
pub fn live_slots(
    image: &Image,
    header: u64,
    layout: &SlotLayout,
    sample: Sample,
) -> Option<Slots> {
    let mut walk = Walk {
        image,
        layout,
        sample,
        left: sample.slots,
        found: Slots::default(),
    };
    if layout.swiss {
        walk.swiss(header)?;
    } else {
        walk.classic(header)?;
    }
    Some(walk.found)
}

struct Walk<'a> {
    image: &'a Image,
    layout: &'a SlotLayout,
    sample: Sample,
    /// Slots that may still come: what lies about its own size ends here.
    left: u64,
    found: Slots,
}

impl Walk<'_> {
    fn swiss(&mut self, header: u64) -> Option<()> {
        let (directory, length) = (
            self.image.word(header + PARTS)?,
            self.image.word(header + PARTS + 8)?,
        );
        if directory == 0 {
            return Some(());
        }
        if length == 0 {
            return self.group(directory);
        }
        let mut previous = 0;
        for place in 0..length {
            let table = self.image.word(directory.checked_add(place * 8)?)?;
            if table == previous {
                continue; // a table that has not split yet fills several places
            }
            previous = table;
            let (groups, mask) = (
                self.image.word(table.checked_add(16)?)?,
                self.image.word(table.checked_add(24)?)?,
            );
            self.array(groups, mask.checked_add(1)?, Walk::group)?;
        }
        Some(())
    }

    fn classic(&mut self, header: u64) -> Option<()> {
        let [_, flags, log, ..] = self.image.word(header + 7)?.to_le_bytes();
        let (buckets, old) = (
            self.image.word(header + PARTS)?,
            self.image.word(header + PARTS + 8)?,
        );
        if log >= MOST_LOG {
            return None;
        }
        if buckets != 0 {
            self.array(buckets, 1 << log, Walk::chain)?;
        }
        if old != 0 {
            // What was moved has no top hash any more: nothing is seen twice.
            let old_log = log.saturating_sub(u8::from(flags & SAME_SIZE_GROW == 0));
            self.array(old, 1 << old_log, Walk::chain)?;
        }
        Some(())
    }

    fn array(
        &mut self,
        start: u64,
        count: u64,
        visit: fn(&mut Self, u64) -> Option<()>,
    ) -> Option<()> {
        for index in 0..count {
            let offset = index.checked_mul(self.layout.group_bytes)?;
            visit(self, start.checked_add(offset)?)?;
        }
        Some(())
    }

    /// A bucket and what it overflowed into.
    fn chain(&mut self, mut bucket: u64) -> Option<()> {
        while bucket != 0 {
            self.group(bucket)?;
            let link = bucket.checked_add(self.layout.group_bytes.checked_sub(8)?)?;
            bucket = self.image.word(link)?;
        }
        Some(())
    }

    fn group(&mut self, at: u64) -> Option<()> {
        self.left = self.left.checked_sub(SLOTS_PER_GROUP)?;
        let control = self.image.word(at)?.to_le_bytes();
        for (slot, &byte) in (0..).zip(&control) {
            let is_live = if self.layout.swiss {
                byte < EMPTY
            } else {
                byte >= MIN_TOP_HASH
            };
            if is_live {
                self.keep(at, slot)?;
            }
        }
        Some(())
    }

    fn keep(&mut self, group: u64, slot: u64) -> Option<()> {
        let number = self.found.live;
        self.found.live += 1;
        if number % self.sample.every != 0 || self.found.keys.len() >= self.sample.most {
            return Some(());
        }
        let layout = self.layout;
        let key = group.checked_add(layout.key_offset + slot * layout.key_stride)?;
        let elem = group.checked_add(layout.elem_offset + slot * layout.elem_stride)?;
        let follow = |at: u64, indirect: bool| match indirect {
            true => self.image.word(at).unwrap_or(0),
            false => at,
        };
        let (key, elem) = (
            follow(key, layout.key_indirect),
            follow(elem, layout.elem_indirect),
        );
        self.found.keys.push(key);
        self.found.elems.push(elem);
        Some(())
    }
}
