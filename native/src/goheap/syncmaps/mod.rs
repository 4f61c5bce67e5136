//! Every sync.Map, in both designs: known by what lies around a pointer, for no header says what a global is.
//!
//! mutex: src/sync/map.go up to Go 1.23; trie: src/internal/sync/hashtriemap.go from Go 1.24 on.

mod mutex;
mod trie;

use std::collections::{HashMap, HashSet};

use crate::image::Image;

use super::maps::MapRow;
use super::mark::{Marked, ROOT};
use super::objects::Objects;
use super::references::References;
use super::spans::{Slot, Spans};
use super::typeindex::TypeIndex;

/// A trie that hashes as this type does is a sync.Map.
pub const ANY_MAP: &str = "map[interface {}]interface {}";

/// What all of this looks at.
pub struct Ground<'a> {
    pub image: &'a Image,
    pub spans: &'a Spans,
    pub marked: &'a Marked,
    pub types: &'a TypeIndex<'a>,
    /// [start, end) of the global variables with pointers.
    pub globals: &'a [(u64, u64)],
    pub map_header_bytes: u64,
}

/// Where a container was found: the word that leads to its parts, and the object that word lies in.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// None: a global variable.
    pub object: Option<Slot>,
    pub address: u64,
}

/// One sync.Map as found. `parts`: what its struct leads to, a trie's root, or the readOnly and the dirty map.
#[derive(Debug, Clone)]
pub struct Found {
    pub address: u64,
    pub place: Place,
    pub parts: Vec<Slot>,
    /// The headers of the maps inside, which are no maps of their own.
    pub inner: Vec<u64>,
    pub is_trie: bool,
    /// Address of the map type with the same key and element; 0 where nothing tells it.
    pub map_type: u64,
}

/// One sync.Map measured. `structure_bytes`: the struct, its nodes or inner maps, and its entry objects.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncRow {
    pub entries: u64,
    /// Entry objects, deleted ones that are still held among them.
    pub objects: u64,
    pub slots: u64,
    pub structure_bytes: u64,
    /// How many of these were in RAM; 0 where nobody knows.
    pub resident_bytes: u64,
    /// Nodes of a trie that a fresh one would not have.
    pub spare_bytes: u64,
    pub is_sound: bool,
}

impl SyncRow {
    /// Adds a part of `bytes` bytes at `address` to the structure.
    fn add_part(&mut self, ground: &Ground<'_>, address: u64, bytes: u64) {
        let resident = ground.image.resident.as_ref();
        self.structure_bytes += bytes;
        self.resident_bytes += resident.map_or(0, |resident| resident.bytes(address, bytes));
    }
}

impl Ground<'_> {
    fn word(&self, address: u64) -> Option<u64> {
        self.image.word(address)
    }

    /// Returns the reached object that begins at `address` and is of `bytes` bytes with pointers among them.
    fn object(&self, address: u64, bytes: u64) -> Option<Slot> {
        let (span, slot) = self.spans.find(address)?;
        let fits = span.elemsize == bytes && !span.noscan() && span.address(slot) == address;
        (fits && self.marked.is_reached(slot)).then_some(slot)
    }

    fn address_of(&self, slot: Slot) -> u64 {
        self.spans.of_slot(slot).address(slot)
    }

    /// Returns (object, address) of every reached object of `bytes` bytes with pointers.
    fn of_size(&self, bytes: u64) -> impl Iterator<Item = (Slot, u64)> + '_ {
        let of_size = self
            .marked
            .in_spans(self.spans, move |span| span.elemsize == bytes);
        of_size.map(|(span, slot)| (slot, span.address(slot)))
    }

    /// Returns the word that `fits` as the one that leads to each of `wanted` (address -> a search of the whole
    /// heap is worth while): most often the one that the mark came by, else one in a global, else any.
    fn places(
        &self,
        (objects, references): (&mut Objects<'_>, &References),
        mut wanted: HashMap<u64, (Slot, bool)>,
        fits: impl Fn(u64, u64) -> bool,
    ) -> Vec<(u64, Place)> {
        let mut found = Vec::new();
        wanted.retain(|&target, &mut (index, _)| {
            let parent = self.marked.parent[index as usize];
            if parent == ROOT {
                return true;
            }
            let address = self.address_of(parent) + u64::from(self.marked.place[index as usize]);
            let right = fits(target, address);
            if right {
                let object = Some(parent);
                found.push((target, Place { object, address }));
            }
            !right
        });
        for &(start, end) in self.globals {
            for address in (start..end).step_by(8) {
                let target = self.word(address).unwrap_or(0);
                if wanted.contains_key(&target) && fits(target, address) {
                    wanted.remove(&target);
                    let object = None;
                    found.push((target, Place { object, address }));
                }
            }
        }
        wanted.retain(|_, &mut (_, worth)| worth);
        if !wanted.is_empty() {
            self.search((objects, references), &mut wanted, &fits, &mut found);
        }
        found.sort_unstable_by_key(|&(target, _)| target);
        found
    }

    fn search(
        &self,
        (objects, references): (&mut Objects<'_>, &References),
        wanted: &mut HashMap<u64, (Slot, bool)>,
        fits: &impl Fn(u64, u64) -> bool,
        found: &mut Vec<(u64, Place)>,
    ) {
        let slots: HashSet<Slot> = wanted.values().map(|&(slot, _)| slot).collect();
        let leads_there = |&slot: &Slot| {
            let mut targets = references.of(slot as usize).iter();
            targets.any(|to| slots.contains(to))
        };
        for slot in (0..self.spans.inner_slots).filter(leads_there) {
            let base = self.address_of(slot);
            objects.pointers(slot, |offset, target| {
                let address = base + offset;
                if wanted.contains_key(&target) && fits(target, address) {
                    wanted.remove(&target);
                    let object = Some(slot);
                    found.push((target, Place { object, address }));
                }
            });
        }
    }
}

/// Returns every sync.Map that holds or held anything. `is_trie`: the design of this program.
pub fn find(
    ground: &Ground<'_>,
    heap: (&mut Objects<'_>, &References),
    is_trie: bool,
    swiss: bool,
) -> Vec<Found> {
    if is_trie {
        trie::find(ground, heap)
    } else {
        mutex::find(ground, heap, swiss)
    }
}

/// Measures what was found; `maps` are all maps by address, those inside among them.
pub fn measure(
    ground: &Ground<'_>,
    found: &Found,
    maps: &HashMap<u64, MapRow>,
    swiss: bool,
) -> SyncRow {
    let row = if found.is_trie {
        trie::measure(ground, found)
    } else {
        mutex::measure(ground, found, maps, swiss)
    };
    row.unwrap_or_default()
}
