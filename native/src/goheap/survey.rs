//! A whole heap looked at once: what is reachable, what it is, its maps, and what each of them retains.

use crate::image::Image;

use super::arena_bits::ArenaBits;
use super::layout::{HeapLayout, HeapPlace};
use super::maps::{MapRow, MapScan};
use super::mark::{Marked, mark};
use super::measured::{Holder, Measured, SyncMap, groups_and_heads, inside, measure};
use super::mspans::Wrong;
use super::objects::Objects;
use super::references::References;
use super::retained::retained_bytes;
use super::said::Said;
use super::shapes::{Shape, ShapeId, Shapes};
use super::spans::Spans;
use super::specials::{Special, find_specials};
use super::syncmaps::{self, Ground};
use super::typeindex::TypeIndex;
use super::typing::{Sources, Told, tell_types};
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
    pub(super) roots: u32,
}

impl Start<'_> {
    /// Returns the words that interfaces seem to hold, each with its type.
    fn interfaces(&self) -> Vec<(u64, u64)> {
        let word = |&(root, kind): &(u32, u64)| Some((*self.roots.get(root as usize)?, kind));
        self.root_types.iter().filter_map(word).collect()
    }

    fn ground<'a>(
        &'a self,
        objects: &Objects<'a>,
        marked: &'a Marked,
        types: &'a TypeIndex<'a>,
    ) -> Ground<'a> {
        Ground {
            image: objects.image,
            spans: objects.spans,
            marked,
            types,
            globals: &self.place.globals,
            map_header_bytes: objects.layout.map_header_bytes,
        }
    }

    fn sources<'a>(
        &'a self,
        known: &'a [(u64, ShapeId)],
        interfaces: &'a [(u64, u64)],
        types: &'a TypeIndex<'a>,
        specials: &'a [Special],
    ) -> Sources<'a> {
        let place = &self.place;
        Sources {
            known,
            interfaces,
            stacks: self.stacks,
            types,
            variables: &place.variables,
            said: Said {
                words: &place.said_words,
                closures: &place.said_closures,
                headers: &place.said_headers,
            },
            specials,
            size_classes: &place.size_classes,
            program: Program {
                types: (place.types, place.types_end),
                text: place.text,
            },
        }
    }
}

/// Returns every map of a heap of which everything is told.
fn scan_maps(
    ground: &Ground<'_>,
    (layout, start): (&HeapLayout, &Start<'_>),
    shapes: &Shapes<'_>,
    told: &Told,
) -> Vec<MapRow> {
    let scan = MapScan {
        image: ground.image,
        spans: ground.spans,
        marked: ground.marked,
        shapes,
        told: &told.shapes,
        sized: &told.sized,
        layout,
        swiss: start.place.swiss,
    };
    let mut maps = scan.scan();
    maps.extend(scan.scan_stacks(start.stacks, &told.headers));
    maps.extend(scan.scan_frames(&start.place.stack_headers));
    maps
}

impl Survey {
    pub fn take(image: &Image, layout: &HeapLayout, start: &Start<'_>) -> Result<Survey, Wrong> {
        let place = &start.place;
        let spans = Spans::load(image, place, layout)?;
        let arenas = match place.arenas {
            0 => None,
            table => Some(ArenaBits::load(image, &spans, table, layout)?),
        };
        let mut objects = Objects::new(image, &spans, layout, arenas.as_ref());
        let specials = find_specials(&mut objects, layout);
        let mut roots = start.roots.to_vec();
        roots.extend(specials.iter().map(|special| special.word));
        let (certain, given) = (place.certain_roots, start.roots.len());
        let marked = mark(&mut objects, &roots, certain, given, &place.watchers);
        let types = TypeIndex::scan(image, place.types, place.types_end);
        let references = References::read(&objects, &marked);
        let ground = start.ground(&objects, &marked, &types);
        let read = (&mut objects, &references);
        let found = syncmaps::find(&ground, read, place.sync_trie, place.swiss);

        let mut shapes = Shapes::new(image, place.swiss, layout.map_extra);
        let known = found
            .iter()
            .flat_map(|each| inside(&ground, each, &mut shapes));
        let known: Vec<(u64, ShapeId)> = known.collect();
        let interfaces = start.interfaces();
        let sources = start.sources(&known, &interfaces, &types, &specials);
        let (groups, heads) = groups_and_heads(&found, layout.map_header_bytes);
        let (all, told) = beside(
            || retained_bytes(&spans, &marked, &roots, &groups, &heads, references),
            || tell_types(&objects, layout, &marked, &mut shapes, &sources),
        );

        let mut maps = scan_maps(&ground, (layout, start), &shapes, &told);
        let rows = measure(&ground, &found, &mut maps, place.swiss);
        let measured = Measured {
            ground: &ground,
            all: &all,
            shapes: &shapes,
            told: &told.shapes,
        };
        let retained = maps.iter().map(|map| measured.retained_by(map)).collect();
        let shared = maps.iter().map(|map| measured.shared_by(map)).collect();
        let holders = measured.holders(&maps, &found);
        let sync_maps = measured.sync_maps(found, rows);
        Ok(Survey {
            layout: layout.clone(),
            arenas,
            allocated: spans.allocated(),
            shapes: shapes.into_list(),
            spans,
            marked,
            told: told.shapes,
            maps,
            retained,
            shared,
            sync_maps,
            holders,
            specials,
            roots: given as u32,
        })
    }
}
