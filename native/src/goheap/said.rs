//! What the program's own code says that variables and frames lead to, held against what lies there.

use std::collections::HashMap;

use super::fit::Fit;
use super::fitting::Fitting;
use super::infer::SizedAs;
use super::maps::PARTS;
use super::shapes::{Shape, UNKNOWN};
use super::telling::Telling;
use super::typeindex::TypeIndex;

/// What the compiler calls the type of a closure; who holds what it captured is named after its function.
const CLOSURE: &str = "struct { F uintptr";

/// A way to an object: the address of the word it begins at, or of the function whose closures it begins in, the
/// offsets from there on, whether a map lies at its end, and the type of that.
pub type Way = (u64, Vec<u64>, bool, u64);

/// What code says, by where it begins.
pub struct Said<'a> {
    pub words: &'a [Way],
    pub closures: &'a [Way],
    /// (address of the header of a map on a stack, its type).
    pub headers: &'a [(u64, u64)],
}

/// Tells what `said` leads to, where memory agrees. Returns the headers on stacks -> type of those that are maps of
/// that type.
pub fn tell_said(
    telling: &mut Telling<'_, '_>,
    fit: &mut Fit<'_>,
    fitting: &Fitting<'_>,
    types: &TypeIndex<'_>,
    said: &Said<'_>,
) -> SizedAs {
    let mut judge = Judge {
        fit,
        fitting,
        types,
    };
    for (address, offsets, is_map, kind) in said.words {
        judge.tell(telling, *address, offsets, (*is_map, *kind));
    }
    judge.tell_closures(telling, said.closures);
    let mut headers = SizedAs::new();
    for &(address, kind) in said.headers {
        if judge.can_be_map(telling, address, kind) {
            headers.insert(address, kind);
            telling.pass_on_map(address, kind);
        }
    }
    telling.pass_all_on();
    headers
}

struct Judge<'j, 'a> {
    fit: &'j mut Fit<'a>,
    fitting: &'j Fitting<'j>,
    types: &'j TypeIndex<'j>,
}

impl Judge<'_, '_> {
    fn tell_closures(&mut self, telling: &mut Telling<'_, '_>, closures: &[Way]) {
        let mut by_entry: HashMap<u64, Vec<&Way>> = HashMap::new();
        for way in closures {
            by_entry.entry(way.0).or_default().push(way);
        }
        if by_entry.is_empty() {
            return;
        }
        let untold = telling
            .marked
            .in_spans(telling.spans, |_| true)
            .filter(|&(_, slot)| telling.told[slot as usize] == UNKNOWN);
        let found: Vec<(u64, &Way)> = untold
            .filter_map(|(span, slot)| {
                let address = span.address(slot);
                let ways = by_entry.get(&telling.image.word(address)?)?;
                Some(ways.iter().map(move |&way| (address, way)))
            })
            .flatten()
            .collect();
        for (address, (_, offsets, is_map, kind)) in found {
            if let Some((first, onwards)) = offsets.split_first() {
                self.tell(telling, address + first, onwards, (*is_map, *kind));
            }
        }
    }

    /// Tells the object that the word at `address` leads to, along `offsets`, unless it is something else.
    fn tell(
        &mut self,
        telling: &mut Telling<'_, '_>,
        address: u64,
        offsets: &[u64],
        (is_map, kind): (bool, u64),
    ) {
        let mut pointer = telling.image.word(address);
        for offset in offsets {
            pointer = pointer
                .filter(|&at| telling.spans.find(at).is_some())
                .and_then(|at| telling.image.word(at.checked_add(*offset)?));
        }
        let Some(pointer) = pointer.filter(|&at| telling.is_untold(at)) else {
            return;
        };
        // Generic code has some before it is told its types: nothing is made of one.
        let name = self.types.name(kind);
        if name.is_none_or(|name| name.contains("go.shape.") || name.starts_with(CLOSURE)) {
            return;
        }
        if !is_map {
            let shape = telling.shapes.id(Shape::Values(kind));
            telling.tell_guess(self.fit, pointer, shape);
        } else if self.can_be_map(telling, pointer, kind) {
            let shape = telling.shapes.id(Shape::Map(kind));
            telling.tell(pointer, shape);
        }
    }

    /// Tells whether the map with its header at `header` can be of the map type at `kind`.
    fn can_be_map(&mut self, telling: &mut Telling<'_, '_>, header: u64, kind: u64) -> bool {
        let word = |at| telling.image.word(header.saturating_add(at));
        if word(0) == Some(0) && word(PARTS) == Some(0) {
            return true; // nothing is in it that could disagree
        }
        if self.fit.knows_maps() {
            return self.fit.is_map_of(header, kind);
        }
        self.fitting
            .is_map_of(self.types, &mut telling.masks, header, kind)
    }
}

impl Telling<'_, '_> {
    /// Tells whether an object begins at `pointer` of which nobody knows what it is.
    fn is_untold(&self, pointer: u64) -> bool {
        let found = self.spans.find(pointer);
        found.is_some_and(|(_, slot)| {
            self.marked.is_reached(slot) && self.told[slot as usize] == UNKNOWN
        })
    }

    /// Tells what the map of type `kind` with its header at `address`, which is no object, leads to.
    fn pass_on_map(&mut self, address: u64, kind: u64) {
        let shape = self.shapes.id(Shape::Map(kind));
        self.pass_on_value(address, shape);
    }
}
