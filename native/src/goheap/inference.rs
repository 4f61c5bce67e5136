//! What a map is that nobody told: of all types of the program, those that agree with what lies in memory. Only
//! where one alone is left is it said.

use std::collections::{HashMap, HashSet};

use super::abi::Type;
use super::fit::Fit;
use super::fitting::Fitting;
use super::infer::SizedAs;
use super::layout::WORD;
use super::maps::{MapRow, MapScan, ON_STACK};
use super::mark::ROOT;
use super::shapes::{Shape, Target, UNKNOWN};
use super::spans::Slot;
use super::telling::Telling;
use super::typeindex::TypeIndex;

/// Each round tells what hangs on the maps that the one before told.
const MOST_ROUNDS: u32 = 8;

pub struct Inference<'a> {
    types: &'a TypeIndex<'a>,
    fitting: Fitting<'a>,
    /// (size of an object, its pointer words) -> the types that it can be.
    known: HashMap<(u64, u64), Vec<Type>>,
}

impl<'a> Inference<'a> {
    pub fn new(types: &'a TypeIndex<'a>, fitting: Fitting<'a>) -> Self {
        Inference {
            types,
            fitting,
            known: HashMap::new(),
        }
    }

    /// Tells what it can about the maps that nobody told.
    pub fn run(&mut self, telling: &mut Telling<'_, '_>, fit: &mut Fit<'_>, sized: &SizedAs) {
        for _ in 0..MOST_ROUNDS {
            let maps = untold(telling, sized);
            let told = maps
                .iter()
                .filter(|map| self.infer(telling, fit, map))
                .count();
            if told == 0 {
                return;
            }
            telling.pass_all_on();
        }
    }

    /// Tells what `map` is, where that can be said; returns whether it was.
    fn infer(&mut self, telling: &mut Telling<'_, '_>, fit: &mut Fit<'_>, map: &MapRow) -> bool {
        let fits = if fit.knows_maps() {
            let types = fit.map_types(map.address);
            types.iter().map(|kind| kind.address).collect()
        } else {
            self.fitting
                .swiss_types(self.types, &mut telling.masks, map.address)
        };
        let kind = only(&fits).or_else(|| self.by_holder(telling, map.object, &fits));
        if let Some(kind) = kind {
            let shape = telling.shapes.id(Shape::Map(kind));
            telling.tell(map.address, shape);
        }
        kind.is_some()
    }

    /// Returns the one of `fits` that the object which leads to `map` can hold there.
    fn by_holder(
        &mut self,
        telling: &mut Telling<'_, '_>,
        map: Slot,
        fits: &HashSet<u64>,
    ) -> Option<u64> {
        let marked = telling.marked;
        let (holder, place) = (marked.parent[map as usize], marked.place[map as usize]);
        if holder == ROOT || telling.told[holder as usize] != UNKNOWN {
            return None;
        }
        let span = telling.spans.of_slot(holder);
        let (start, room) = (span.address(holder), span.elemsize);
        let before = telling.image.word(start + u64::from(place) - WORD);
        if place > 0 && before.is_some_and(|kind| fits.contains(&kind)) {
            return before; // an interface
        }
        let bits = self.fitting.pointers(span, start)?;
        let (mut left, mut holders) = (HashSet::new(), Vec::new());
        for kind in self.candidates(telling, room, bits) {
            let says = says(telling, kind, start, u64::from(place));
            if let Some(of) = says.filter(|of| fits.contains(of)) {
                left.insert(of);
                holders.push(kind.address);
            }
        }
        let kind = only(&left)?;
        if let [holder] = holders[..] {
            let shape = telling.shapes.id(Shape::Values(holder));
            telling.tell(start, shape);
        }
        Some(kind)
    }

    /// Returns the types that an object of `room` bytes with pointers at `bits` can be.
    fn candidates(&mut self, telling: &mut Telling<'_, '_>, room: u64, bits: u64) -> Vec<Type> {
        if let Some(known) = self.known.get(&(room, bits)) {
            return known.clone();
        }
        let fits = |kind: &&Type| {
            kind.ptr_bytes > 0
                && kind.size <= room
                && self.fitting.fills(kind.size, room)
                && self
                    .fitting
                    .explains(&mut telling.masks, kind.address, bits, room)
        };
        let found: Vec<Type> = self.types.all.iter().filter(fits).copied().collect();
        self.known.insert((room, bits), found.clone());
        found
    }
}

/// Returns the maps on the heap of which neither a map type nor that of their buckets is known.
fn untold(telling: &Telling<'_, '_>, sized: &SizedAs) -> Vec<MapRow> {
    let scan = MapScan {
        image: telling.image,
        spans: telling.spans,
        marked: telling.marked,
        shapes: telling.shapes,
        told: &telling.told,
        sized,
        layout: telling.layout,
        swiss: telling.shapes.swiss,
    };
    let mut maps = scan.scan();
    maps.retain(|map| {
        map.map_type == 0 && map.bucket_type == 0 && map.is_sound && map.object != ON_STACK
    });
    maps
}

/// Returns the map type that the type `kind` says the word `place` bytes into the object at `start` leads to; None
/// where it says something else, or contradicts what lies elsewhere in the object.
///
/// An unsafe.Pointer leads to a map only in the runtime's interfaces and in reflect.Value, where a type goes before
/// it: those are known by that.
fn says(telling: &mut Telling<'_, '_>, kind: Type, start: u64, place: u64) -> Option<u64> {
    let shape = telling.shapes.id(Shape::Values(kind.address));
    let described = telling.shapes.describe(shape);
    let mut says = None;
    let base = start + place / kind.size * kind.size;
    for link in &described.links {
        let offset = u64::from(link.offset);
        if offset != place % kind.size {
            agrees(telling, link.target, base + offset).then_some(())?;
            continue;
        }
        if let Target::Shape(id) = link.target {
            if let Shape::Map(of) = telling.shapes.shape(id) {
                says = Some(of);
            }
        }
    }
    says
}

/// Tells whether the word at `at` can be what a type says it is.
fn agrees(telling: &Telling<'_, '_>, target: Target, at: u64) -> bool {
    let Some(word) = telling.image.word(at) else {
        return false;
    };
    if word == 0 {
        return true;
    }
    let Target::Shape(id) = target else {
        let before = telling.image.word(at - WORD).unwrap_or(0);
        return before != 0 && telling.spans.find(before).is_none();
    };
    let Some((span, slot)) = telling.spans.find(word) else {
        return true; // a variable, or something mapped: nothing is known of it
    };
    let room = span.address(slot) + span.elemsize - word;
    let Shape::Values(kind) = telling.shapes.shape(id) else {
        return true;
    };
    Type::read(telling.image, kind)
        .is_none_or(|kind| kind.size <= room && (kind.ptr_bytes == 0 || !span.noscan()))
}

fn only(of: &HashSet<u64>) -> Option<u64> {
    of.iter().next().copied().filter(|_| of.len() == 1)
}
