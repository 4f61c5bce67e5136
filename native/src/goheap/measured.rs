//! What each map, each sync.Map and what else is large retains, once it is known what everything is.

use std::collections::{HashMap, HashSet};

use super::maps::{MapRow, ON_STACK, PARTS};
use super::mark::ROOT;
use super::retained::{Group, MapHeads, Retained};
use super::shapes::{Shape, ShapeId, Shapes};
use super::spans::Slot;
use super::syncmaps::{self, ANY_MAP, Found, Ground, SyncRow};

/// A sync.Map: where it is, what it measures, what would go if it were emptied.
pub struct SyncMap {
    pub found: Found,
    pub row: SyncRow,
    pub retained: u64,
    pub shared: Option<u64>,
}

/// An object that holds much and is no map, and the word that leads to it: where in which object, or which root.
pub struct Holder {
    pub address: u64,
    pub bytes: u64,
    pub retained: u64,
    pub shape: Shape,
    pub parent: Option<(u64, Shape)>,
    pub place: u32,
}

/// A heap of which everything is told.
pub struct Measured<'a, 'b> {
    pub ground: &'a Ground<'a>,
    pub all: &'a Retained,
    pub shapes: &'a Shapes<'b>,
    /// By slot.
    pub told: &'a [ShapeId],
}

impl Measured<'_, '_> {
    /// Returns what would go if the map were emptied: what it retains beyond its header, or, where the header is
    /// not on the heap, what its parts retain.
    pub fn retained_by(&self, map: &MapRow) -> u64 {
        let ground = self.ground;
        if map.object != ON_STACK {
            return self.all.by_object(ground.spans, map.object) - ground.map_header_bytes;
        }
        let parts = ground
            .image
            .word(map.address + PARTS)
            .and_then(|at| ground.spans.find(at));
        let reached = parts.filter(|&(_, slot)| ground.marked.is_reached(slot));
        reached.map_or(0, |(_, slot)| self.all.by_object(ground.spans, slot))
    }

    /// Returns what a map leads to and does not retain; None where nobody went to see.
    pub fn shared_by(&self, map: &MapRow) -> Option<u64> {
        let is_on_heap = map.object != ON_STACK;
        is_on_heap.then(|| self.all.shared_by_object(self.ground.spans, map.object))?
    }

    /// Returns what each of `found` retains; `rows`: what each measures.
    pub fn sync_maps(&self, found: Vec<Found>, rows: Vec<SyncRow>) -> Vec<SyncMap> {
        let (all, spans) = (self.all, self.ground.spans);
        let mut by_group = all.by_group.iter().zip(&all.shared_by_group);
        let each = |(found, row): (Found, SyncRow)| {
            let root = found.parts[0];
            let (retained, shared) = if found.is_trie {
                let shared = all.shared_by_object(spans, root);
                (all.by_object(spans, root), shared)
            } else {
                let group = by_group.next();
                group.map_or((0, None), |(&held, &shared)| (held, shared))
            };
            SyncMap {
                found,
                row,
                retained,
                shared,
            }
        };
        found.into_iter().zip(rows).map(each).collect()
    }

    /// Returns what holds much and is neither one of `maps` nor of `found`, nor a part of one.
    pub fn holders(&self, maps: &[MapRow], found: &[Found]) -> Vec<Holder> {
        let heads: HashSet<Slot> = maps
            .iter()
            .map(|map| map.object)
            .chain(found.iter().flat_map(|each| each.parts.clone()))
            .collect();
        // Groups and buckets of maps that do not escape have no header on the heap above them.
        let is_part = |object: Slot| heads.contains(&object) || self.shape_of(object).is_of_map();
        let all = self.all.holders(self.ground.spans, is_part).into_iter();
        all.map(|(slot, retained)| self.holder(slot, retained))
            .collect()
    }

    fn holder(&self, slot: Slot, retained: u64) -> Holder {
        let (spans, marked) = (self.ground.spans, self.ground.marked);
        let (span, parent) = (spans.of_slot(slot), marked.parent[slot as usize]);
        Holder {
            address: span.address(slot),
            bytes: span.elemsize,
            retained,
            shape: self.shape_of(slot),
            parent: (parent != ROOT)
                .then(|| (spans.of_slot(parent).address(parent), self.shape_of(parent))),
            place: marked.place[slot as usize],
        }
    }

    fn shape_of(&self, slot: Slot) -> Shape {
        self.shapes.shape(self.told[slot as usize])
    }
}

/// Returns what goes together in each of `found`, and what begins a map.
pub fn groups_and_heads(found: &[Found], header_bytes: u64) -> (Vec<Group>, MapHeads) {
    // A trie has one root, which needs no group.
    let (tries, others): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|each| each.is_trie);
    let roots = tries.iter().map(|each| each.parts[0]).collect();
    let heads = MapHeads {
        header_bytes,
        roots,
    };
    (
        others.iter().map(|each| each.parts.clone()).collect(),
        heads,
    )
}

/// Returns what the parts of a sync.Map are: (address, shape) of a trie's root or of the maps inside.
pub fn inside(ground: &Ground<'_>, found: &Found, shapes: &mut Shapes<'_>) -> Vec<(u64, ShapeId)> {
    if !found.is_trie {
        let shape = shapes.id(Shape::Map(found.map_type));
        return found.inner.iter().map(|&map| (map, shape)).collect();
    }
    let of_any = ground.types.name(found.map_type).as_deref() == Some(ANY_MAP);
    let root = ground.image.word(found.place.address);
    let shape = shapes.id(Shape::TrieNode);
    root.filter(|_| of_any)
        .map(|root| (root, shape))
        .into_iter()
        .collect()
}

/// Measures each sync.Map of `found`, and takes the maps inside out of `maps`.
pub fn measure(
    ground: &Ground<'_>,
    found: &[Found],
    maps: &mut Vec<MapRow>,
    swiss: bool,
) -> Vec<SyncRow> {
    let inner: HashSet<u64> = found.iter().flat_map(|each| each.inner.clone()).collect();
    let by_address: HashMap<u64, MapRow> = maps
        .iter()
        .filter(|map| inner.contains(&map.address))
        .map(|map| (map.address, *map))
        .collect();
    maps.retain(|map| !inner.contains(&map.address));
    found
        .iter()
        .map(|each| syncmaps::measure(ground, each, &by_address, swiss))
        .collect()
}
