//! A whole heap looked at once: what is reachable, what it is, its maps, and what each of them retains.

use crate::image::Image;

use super::layout::{HeapLayout, HeapPlace, WORD};
use super::maps::{HEADER_BYTES, MapRow, MapScan, ON_STACK, PARTS};
use super::mark::{Marked, ROOT, UNSEEN, mark};
use super::objects::Objects;
use super::retained::retained_bytes;
use super::shapes::{Shape, ShapeId, Shapes};
use super::spans::{Spans, Wrong};
use super::typing::{has_header, tell_types};

/// Where to begin.
pub struct Start<'a> {
    pub place: HeapPlace,
    /// Words that may be pointers: globals first, so that ways begin there where they can.
    pub roots: &'a [u64],
    /// [start, end) of the used part of each stack: headers of maps that do not escape lie there.
    pub stacks: &'a [(u64, u64)],
    /// Root number -> the type it points to, where that is known: (number, address of the type).
    pub root_types: &'a [(u32, u64)],
}

pub struct Survey {
    layout: HeapLayout,
    pub spans: Spans,
    pub marked: Marked,
    pub allocated: (u64, u64),
    pub told: Vec<ShapeId>,
    pub shapes: Vec<Shape>,
    pub maps: Vec<MapRow>,
    /// By map, in the order of `maps`: what would go if it were emptied.
    pub retained: Vec<u64>,
}

/// Returns what would go if the map were emptied: what it retains beyond its header, or, where the header is
/// not on the heap, what its parts retain.
fn retained_by(image: &Image, spans: &Spans, marked: &Marked, all: &[u64], map: &MapRow) -> u64 {
    if map.object != ON_STACK {
        return all[map.object as usize] - HEADER_BYTES;
    }
    let parts = image
        .word(map.address + PARTS)
        .and_then(|at| spans.find(at));
    parts.map_or(0, |(_, slot)| {
        all.get(marked.index[slot as usize] as usize)
            .copied()
            .unwrap_or(0)
    })
}

/// One step of the way from a root to an object.
pub struct Step {
    pub address: u64,
    /// Where in the object the way goes on, in bytes; in the root, its number.
    pub place: u32,
    pub shape: Shape,
}

impl Survey {
    pub fn take(image: &Image, layout: &HeapLayout, start: &Start<'_>) -> Result<Survey, Wrong> {
        let spans = Spans::load(image, start.place.allspans, start.place.spans, layout)?;
        let mut objects = Objects::new(image, &spans, layout);
        let marked = mark(&mut objects, start.roots);
        let mut shapes = Shapes::new(image, start.place.swiss);
        let roots: Vec<(u64, ShapeId)> = start
            .root_types
            .iter()
            .filter_map(|&(root, kind)| {
                Some((
                    *start.roots.get(root as usize)?,
                    shapes.id(Shape::Values(kind)),
                ))
            })
            .collect();
        let told = tell_types(image, &spans, layout, &marked, &mut shapes, &roots);
        let scan = MapScan {
            image,
            spans: &spans,
            marked: &marked,
            shapes: &shapes,
            told: &told,
            swiss: start.place.swiss,
        };
        let mut maps = scan.scan();
        maps.extend(scan.scan_stacks(start.stacks));
        let all = retained_bytes(&mut objects, &marked, start.roots);
        let retained = maps
            .iter()
            .map(|map| retained_by(image, &spans, &marked, &all, map))
            .collect();
        let allocated = spans.allocated();
        Ok(Survey {
            layout: layout.clone(),
            shapes: shapes.into_list(),
            spans,
            marked,
            allocated,
            told,
            maps,
            retained,
        })
    }

    /// Returns how the object at `address` was first reached: from the root (the first step) to who holds it.
    pub fn way(&self, address: u64) -> Option<Vec<Step>> {
        let (_, slot) = self.spans.find(address)?;
        let mut at = self.marked.index[slot as usize];
        if at == UNSEEN {
            return None;
        }
        let mut steps = Vec::new();
        loop {
            let (parent, place) = (
                self.marked.parent[at as usize],
                self.marked.place[at as usize],
            );
            if parent == ROOT {
                steps.push(Step {
                    address: 0,
                    place,
                    shape: Shape::Unknown,
                });
                steps.reverse();
                return Some(steps);
            }
            let slot = self.marked.order[parent as usize];
            let span = self.spans.of_slot(slot);
            let address = span.address(slot);
            // Offsets are those in the value: a header is the allocator's own.
            let place = if has_header(span, &self.layout) {
                place - WORD as u32
            } else {
                place
            };
            let shape = self.shapes[self.told[parent as usize] as usize];
            steps.push(Step {
                address,
                place,
                shape,
            });
            at = parent;
        }
    }
}
