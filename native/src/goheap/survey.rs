//! A whole heap looked at once: what is reachable, what it is, its maps, and what each of them retains.

use std::collections::{HashMap, HashSet};

use crate::image::Image;

use super::arena_bits::ArenaBits;
use super::layout::{HeapLayout, HeapPlace, WORD};
use super::maps::{MapRow, MapScan, ON_STACK, PARTS};
use super::mark::{Marked, ROOT, mark};
use super::mspans::Wrong;
use super::objects::Objects;
use super::references::References;
use super::retained::{Group, MapHeads, Retained, retained_bytes};
use super::said::Said;
use super::shapes::{Shape, ShapeId, Shapes};
use super::spans::{Slot, Spans};
use super::specials::{Special, find_specials};
use super::syncmaps::{self, ANY_MAP, Found, Ground, Place, SyncRow};
use super::typeindex::TypeIndex;
use super::typing::{Sources, Told, has_header, tell_types};
use super::values::Program;
use crate::parallel::beside;

/// Where to begin.
pub struct Start<'a> {
    pub place: HeapPlace,
    /// Words that may be pointers: globals first, so that ways begin there where they can.
    pub roots: &'a [u64],
    /// [start, end) of the used part of each stack: headers of maps that do not escape lie there.
    pub stacks: &'a [(u64, u64)],
    /// Root number -> the type of the interface whose value it is: (number, address of the type).
    pub root_types: &'a [(u32, u64)],
}

pub struct Survey {
    pub(super) layout: HeapLayout,
    /// Up to Go 1.21: where the heap bits are.
    pub(super) arenas: Option<ArenaBits>,
    pub spans: Spans,
    pub marked: Marked,
    pub allocated: (u64, u64),
    pub told: Vec<ShapeId>,
    pub shapes: Vec<Shape>,
    pub maps: Vec<MapRow>,
    /// By map, in the order of `maps`: what would go if it were emptied.
    pub retained: Vec<u64>,
    /// By map: what it leads to and does not retain; None where nobody went to see.
    pub shared: Vec<Option<u64>>,
    pub sync_maps: Vec<SyncMap>,
    /// What holds much and is no map.
    pub holders: Vec<Holder>,
    /// Those that the collector begins with, numbered behind the roots.
    pub specials: Vec<Special>,
    roots: u32,
}

/// A sync.Map: where it is, what it measures, what would go if it were emptied.
pub struct SyncMap {
    pub found: Found,
    pub row: SyncRow,
    pub retained: u64,
    pub shared: Option<u64>,
}

/// Returns what would go if the map were emptied: what it retains beyond its header, or, where the header is
/// not on the heap, what its parts retain.
fn retained_by(ground: &Ground<'_>, all: &Retained, map: &MapRow) -> u64 {
    if map.object != ON_STACK {
        return all.by_object(ground.spans, map.object) - ground.map_header_bytes;
    }
    let parts = ground
        .image
        .word(map.address + PARTS)
        .and_then(|at| ground.spans.find(at));
    let reached = parts.filter(|&(_, slot)| ground.marked.is_reached(slot));
    reached.map_or(0, |(_, slot)| all.by_object(ground.spans, slot))
}

/// Returns what a map leads to and does not retain; None where nobody went to see.
fn shared_by(ground: &Ground<'_>, all: &Retained, map: &MapRow) -> Option<u64> {
    let is_on_heap = map.object != ON_STACK;
    is_on_heap.then(|| all.shared_by_object(ground.spans, map.object))?
}

/// Returns what the parts of a sync.Map are: (address, shape) of a trie's root or of the maps inside.
fn inside(ground: &Ground<'_>, found: &Found, shapes: &mut Shapes<'_>) -> Vec<(u64, ShapeId)> {
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
fn measure(
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

/// An object that holds much and is no map, and the word that leads to it: where in which object, or which root.
pub struct Holder {
    pub address: u64,
    pub bytes: u64,
    pub retained: u64,
    pub shape: Shape,
    pub parent: Option<(u64, Shape)>,
    pub place: u32,
}

/// One step of the way from a root to an object.
pub struct Step {
    /// Of the value, behind the header of its object; 0 for the root.
    pub address: u64,
    /// Where in the object the way goes on, in bytes; in the root, its number.
    pub place: u32,
    pub shape: Shape,
}

impl Survey {
    pub fn take(image: &Image, layout: &HeapLayout, start: &Start<'_>) -> Result<Survey, Wrong> {
        let spans = Spans::load(image, &start.place, layout)?;
        let arenas = match start.place.arenas {
            0 => None,
            table => Some(ArenaBits::load(image, &spans, table, layout)?),
        };
        let mut objects = Objects::new(image, &spans, layout, arenas.as_ref());
        let specials = find_specials(&mut objects, layout);
        let mut roots = start.roots.to_vec();
        roots.extend(specials.iter().map(|special| special.word));
        let marked = mark(
            &mut objects,
            &roots,
            start.place.certain_roots,
            start.roots.len(),
            &start.place.watchers,
        );
        let mut shapes = Shapes::new(image, start.place.swiss, layout.map_extra);
        let types = TypeIndex::scan(image, start.place.types, start.place.types_end);
        let references = References::read(&objects, &marked);
        let ground = Ground {
            image,
            spans: &spans,
            marked: &marked,
            types: &types,
            globals: &start.place.globals,
            map_header_bytes: layout.map_header_bytes,
        };
        let swiss = start.place.swiss;
        let found = syncmaps::find(
            &ground,
            (&mut objects, &references),
            start.place.sync_trie,
            swiss,
        );
        let interfaces: Vec<(u64, u64)> = start
            .root_types
            .iter()
            .filter_map(|&(root, kind)| Some((*start.roots.get(root as usize)?, kind)))
            .collect();
        let known: Vec<(u64, ShapeId)> = found
            .iter()
            .flat_map(|each| inside(&ground, each, &mut shapes))
            .collect();
        let sources = Sources {
            known: &known,
            interfaces: &interfaces,
            stacks: start.stacks,
            types: &types,
            variables: &start.place.variables,
            said: Said {
                words: &start.place.said_words,
                closures: &start.place.said_closures,
                headers: &start.place.said_headers,
            },
            specials: &specials,
            size_classes: &start.place.size_classes,
            program: Program {
                types: (start.place.types, start.place.types_end),
                text: start.place.text,
            },
        };
        // A trie has one root, which needs no group.
        let groups: Vec<Group> = found
            .iter()
            .filter(|each| !each.is_trie)
            .map(|each| each.parts.clone())
            .collect();
        let heads = MapHeads {
            header_bytes: layout.map_header_bytes,
            roots: found
                .iter()
                .filter(|each| each.is_trie)
                .map(|each| each.parts[0])
                .collect(),
        };
        let (all, told) = beside(
            || retained_bytes(&spans, &marked, &roots, &groups, &heads, references),
            || tell_types(&objects, layout, &marked, &mut shapes, &sources),
        );
        let Told {
            shapes: told,
            sized,
            headers,
        } = told;
        let scan = MapScan {
            image,
            spans: &spans,
            marked: &marked,
            shapes: &shapes,
            told: &told,
            sized: &sized,
            layout,
            swiss: start.place.swiss,
        };
        let mut maps = scan.scan();
        maps.extend(scan.scan_stacks(start.stacks, &headers));
        maps.extend(scan.scan_frames(&start.place.stack_headers));
        let rows = measure(&ground, &found, &mut maps, swiss);
        let heads: HashSet<Slot> = maps
            .iter()
            .map(|map| map.object)
            .chain(found.iter().flat_map(|each| each.parts.clone()))
            .collect();
        // Groups and buckets of maps that do not escape have no header on the heap above them.
        let is_part = |object: Slot| {
            heads.contains(&object) || shapes.shape(told[object as usize]).is_of_map()
        };
        let retained = maps
            .iter()
            .map(|map| retained_by(&ground, &all, map))
            .collect();
        let shared = maps
            .iter()
            .map(|map| shared_by(&ground, &all, map))
            .collect();
        let mut by_group = all.by_group.iter().zip(&all.shared_by_group);
        let sync_maps = found
            .into_iter()
            .zip(rows)
            .map(|(found, row)| {
                let root = found.parts[0];
                let (retained, shared) = if found.is_trie {
                    let shared = all.shared_by_object(&spans, root);
                    (all.by_object(&spans, root), shared)
                } else {
                    by_group
                        .next()
                        .map_or((0, None), |(&held, &shared)| (held, shared))
                };
                SyncMap {
                    found,
                    row,
                    retained,
                    shared,
                }
            })
            .collect();
        let allocated = spans.allocated();
        let shape_of = |slot: Slot| shapes.shape(told[slot as usize]);
        let holders = all
            .holders(&spans, is_part)
            .into_iter()
            .map(|(slot, retained)| {
                let (span, parent) = (spans.of_slot(slot), marked.parent[slot as usize]);
                Holder {
                    address: span.address(slot),
                    bytes: span.elemsize,
                    retained,
                    shape: shape_of(slot),
                    parent: (parent != ROOT)
                        .then(|| (spans.of_slot(parent).address(parent), shape_of(parent))),
                    place: marked.place[slot as usize],
                }
            })
            .collect();
        Ok(Survey {
            layout: layout.clone(),
            arenas,
            shapes: shapes.into_list(),
            spans,
            marked,
            allocated,
            told,
            maps,
            retained,
            shared,
            sync_maps,
            holders,
            specials,
            roots: start.roots.len() as u32,
        })
    }

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
