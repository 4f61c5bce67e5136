//! What objects are that nobody with a type leads to: those in interfaces, and maps that only one type fits.
//!
//! Where objects have no headers (up to Go 1.21) most types begin here. What is guessed must agree with the heap bits.

use std::collections::HashMap;

use super::abi::Type;
use super::fit::Fit;
use super::layout::WORD;
use super::map_types::MapType;
use super::shapes::{Shape, ShapeId, UNKNOWN};
use super::spans::Slot;
use super::telling::Telling;
use super::values::COMPARED_WORDS;

const BUCKETS: u64 = 16;

/// Header of a map whose type nobody tells -> a map type that it fits; all that do are of the same sizes.
pub type SizedAs = HashMap<u64, u64>;

impl Telling<'_, '_> {
    /// Tells the object at `pointer` that it is `shape`, unless its heap bits or its buckets say otherwise.
    pub fn tell_guess(&mut self, fit: &mut Fit<'_>, pointer: u64, shape: ShapeId) {
        let agrees = match self.shapes.shape(shape) {
            Shape::Values(kind) => Type::read(self.objects.image, kind)
                .is_some_and(|kind| fit.values.agrees(pointer, kind)),
            Shape::Map(kind) if fit.knows_maps() => fit.is_map_of(pointer, kind),
            _ => true,
        };
        if agrees {
            self.tell(pointer, shape);
        }
    }

    /// Tells what interfaces hold: two pointer words, a type or a table that names one, and the value.
    pub fn guess_by_interfaces(&mut self, fit: &mut Fit<'_>) {
        for (_, slot) in self.marked.in_spans(self.spans, |_| true) {
            if self.told[slot as usize] == UNKNOWN {
                for (pointer, kind) in self.interfaces_in(fit, slot) {
                    if let Some(shape) = self.shapes.of_interface(kind) {
                        self.tell_guess(fit, pointer, shape);
                    }
                }
            }
        }
        self.pass_all_on();
    }

    /// Returns (value, type) of each interface in the object.
    fn interfaces_in(&self, fit: &Fit<'_>, slot: Slot) -> Vec<(u64, u64)> {
        let span = self.objects.spans.of_slot(slot);
        let (start, all) = (span.address(slot), span.elemsize / WORD);
        let mut found = Vec::new();
        // Windows share a word: an interface may lie across two of them.
        for first in (0..all).step_by(COMPARED_WORDS as usize - 1) {
            let words = COMPARED_WORDS.min(all - first);
            let at = start + first * WORD;
            let bits = self.objects.heap_bits(span, at, words).unwrap_or(0);
            let mut pairs = bits & bits >> 1;
            while pairs != 0 {
                let place = at + u64::from(pairs.trailing_zeros()) * WORD;
                pairs &= pairs - 1;
                found.extend(self.interface_at(fit, place));
            }
        }
        found
    }

    fn interface_at(&self, fit: &Fit<'_>, place: u64) -> Option<(u64, u64)> {
        let image = self.objects.image;
        let (first, value) = (image.word(place)?, image.word(place + WORD)?);
        if value == 0 || first == 0 || self.objects.spans.find(first).is_some() {
            return None;
        }
        if fit.values.is_type(first) {
            return Some((value, first));
        }
        // src/internal/abi/iface.go, ITab: the interface's type, the value's type.
        let (interface, kind) = (image.word(first)?, image.word(first.checked_add(WORD)?)?);
        (fit.values.is_type(interface) && fit.values.is_type(kind)).then_some((value, kind))
    }

    /// Tells the maps that only one type fits what they are. Returns those that several fit, of one size.
    pub fn guess_maps(&mut self, fit: &mut Fit<'_>, stacks: &[(u64, u64)]) -> SizedAs {
        let mut sized = SizedAs::new();
        let header_bytes = self.objects.layout.map_header_bytes;
        let of_size = self
            .marked
            .in_spans(self.spans, move |span| span.elemsize == header_bytes);
        for (span, slot) in of_size {
            if self.told[slot as usize] == UNKNOWN {
                self.guess_map(fit, span.address(slot), &mut sized);
            }
        }
        for &(start, end) in stacks {
            for header in (start..end.saturating_sub(header_bytes)).step_by(WORD as usize) {
                if self
                    .objects
                    .image
                    .word(header)
                    .is_some_and(|count| count > 0)
                {
                    self.guess_map(fit, header, &mut sized);
                }
            }
        }
        self.pass_all_on();
        sized
    }

    fn guess_map(&mut self, fit: &mut Fit<'_>, header: u64, sized: &mut SizedAs) {
        let fitting = fit.map_types(header);
        let Some(first) = fitting.first() else {
            return;
        };
        let same = |of: fn(&MapType) -> u64| fitting.iter().all(|kind| of(kind) == of(first));
        let (kind, bucket) = (first.address, first.bucket.address);
        if !same(|kind| kind.bucket.size) || !same(MapType::bytes_beside) {
            return;
        }
        let (one_map, one_bucket) = (same(|kind| kind.address), same(|kind| kind.bucket.address));
        sized.insert(header, kind);
        if one_map {
            let shape = self.shapes.id(Shape::Map(kind));
            self.tell(header, shape);
        }
        if one_bucket {
            let shape = self.shapes.id(Shape::Values(bucket));
            let buckets = self.objects.image.word(header + BUCKETS).unwrap_or(0);
            self.tell(buckets, shape);
        }
    }
}
