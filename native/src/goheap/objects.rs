//! The pointers in an object, as the garbage collector finds them (src/runtime/mbitmap.go, typePointers).

use std::sync::Arc;

use crate::image::Image;

use super::arena_bits::ArenaBits;
use super::layout::{HeapLayout, WORD};
use super::masks::Masks;
use super::spans::{Slot, Span, Spans};

pub struct Objects<'a> {
    pub image: &'a Image,
    pub spans: &'a Spans,
    pub layout: &'a HeapLayout,
    /// Where the heap bits are in the arenas.
    arenas: Option<&'a ArenaBits>,
    /// The memory of each span, by its index; empty where it lies in several pieces.
    memory: Arc<[&'a [u8]]>,
    masks: Masks<'a>,
    /// Objects whose pointers could not be told: their memory or their type cannot be read.
    pub unread: u64,
    buffer: Vec<u8>,
}

impl<'a> Objects<'a> {
    pub fn new(
        image: &'a Image,
        spans: &'a Spans,
        layout: &'a HeapLayout,
        arenas: Option<&'a ArenaBits>,
    ) -> Objects<'a> {
        let memory = spans.list.iter();
        let memory = memory.map(|span| image.slice(span.start, span.bytes() as usize));
        Objects {
            image,
            spans,
            layout,
            arenas,
            memory: memory.map(Option::unwrap_or_default).collect(),
            masks: Masks::new(image),
            unread: 0,
            buffer: Vec::new(),
        }
    }

    /// Returns another one that looks at the same objects, for another thread.
    pub fn again(&self) -> Objects<'a> {
        Objects {
            memory: self.memory.clone(),
            masks: Masks::new(self.image),
            unread: 0,
            buffer: Vec::new(),
            ..*self
        }
    }

    /// Tells whether no object says what it is (up to Go 1.21).
    pub fn has_no_headers(&self) -> bool {
        self.arenas.is_some()
    }

    /// Reads a little of each of `slots`, all of which are asked for next: memory answers several such questions in
    /// the time of one, and answers those that wait for each other one by one.
    pub fn touch(&self, slots: &[Slot]) {
        let first_of = |&slot: &Slot| {
            let number = self.spans.number_of(slot);
            let span = &self.spans.list[number];
            let from = (span.address(slot) - span.start) as usize;
            let ends = [from, from + span.elemsize as usize - 1];
            ends.map(|at| self.memory[number].get(at).copied().unwrap_or(0))
        };
        let read = slots
            .iter()
            .map(first_of)
            .fold(0, |all, [a, b]| all ^ a ^ b);
        std::hint::black_box(read);
    }

    /// Calls `visit` with (offset, value) for each pointer word that is not nil of the object in `slot`.
    pub fn pointers(&mut self, slot: Slot, mut visit: impl FnMut(u64, u64)) {
        if !self.spans.is_inner(slot) {
            return;
        }
        let number = self.spans.number_of(slot);
        let span = &self.spans.list[number];
        let address = span.address(slot);
        let mut buffer = std::mem::take(&mut self.buffer);
        let (from, bytes) = ((address - span.start) as usize, span.elemsize as usize);
        let bytes = match self.memory[number].get(from..from + bytes) {
            Some(bytes) => Some(bytes),
            None => {
                // In several pieces: put together.
                buffer.resize(span.elemsize as usize, 0);
                self.image
                    .read(address, &mut buffer)
                    .then_some(buffer.as_slice())
            }
        };
        let read = match (bytes, self.arenas) {
            (None, _) => None,
            (Some(bytes), Some(arenas)) => {
                arenas.pointers(self.image, address, span.elemsize, |offset| {
                    offer(bytes, offset, &mut visit);
                })
            }
            (Some(bytes), None) if span.elemsize <= self.layout.heap_bits_limit => {
                self.by_heap_bits(span, address, bytes, &mut visit)
            }
            (Some(bytes), None) => self.by_type(span, bytes, &mut visit),
        };
        self.unread += u64::from(read.is_none());
        self.buffer = buffer;
    }

    fn by_heap_bits(
        &self,
        span: &Span,
        address: u64,
        bytes: &[u8],
        visit: &mut impl FnMut(u64, u64),
    ) -> Option<()> {
        let mut mask = self.span_bits(span, address, span.elemsize / WORD)?;
        while mask != 0 {
            let word = u64::from(mask.trailing_zeros());
            mask &= mask - 1;
            offer(bytes, word * WORD, visit);
        }
        Some(())
    }

    /// Returns which of the `words` words (at most 64) from `address` on, all of one object of `span`, are pointers;
    /// None where its bits cannot be read, or its type has to say it.
    pub fn heap_bits(&self, span: &Span, address: u64, words: u64) -> Option<u64> {
        if span.noscan() {
            return Some(0);
        }
        if let Some(arenas) = self.arenas {
            let mut bits = 0;
            arenas.pointers(self.image, address, words * WORD, |offset| {
                bits |= 1 << (offset / WORD);
            })?;
            return Some(bits);
        }
        if span.elemsize > self.layout.heap_bits_limit {
            return None;
        }
        self.span_bits(span, address, words)
    }

    /// Returns the bits at the end of a span of small objects.
    fn span_bits(&self, span: &Span, address: u64, words: u64) -> Option<u64> {
        let first = (address - span.start) / WORD;
        let all = self.spans.heap_bits(span, first / 8)? >> (first % 8);
        Some((all & ((1u128 << words) - 1)) as u64)
    }

    fn by_type(
        &mut self,
        span: &Span,
        bytes: &[u8],
        visit: &mut impl FnMut(u64, u64),
    ) -> Option<()> {
        let (kind, skip) = if span.is_large() {
            (span.large_type, 0)
        } else {
            (word_at(bytes, 0), WORD)
        };
        if kind == 0 {
            return Some(()); // not initialised yet: the collector looks at nothing in it either
        }
        let mask = self.masks.of(kind)?;
        let mut element = skip;
        while element < bytes.len() as u64 {
            for &pointer in &mask.pointers {
                let offset = element + u64::from(pointer);
                if offset + WORD > bytes.len() as u64 {
                    return Some(());
                }
                offer(bytes, offset, visit);
            }
            element += mask.size;
        }
        Some(())
    }
}

#[inline]
fn offer(bytes: &[u8], offset: u64, visit: &mut impl FnMut(u64, u64)) {
    let value = word_at(bytes, offset as usize);
    if value != 0 {
        visit(offset, value);
    }
}

#[inline]
fn word_at(bytes: &[u8], offset: usize) -> u64 {
    bytes
        .get(offset..offset + 8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}
