//! The pointers in an object, as the garbage collector finds them (src/runtime/mbitmap.go, typePointers).

use super::layout::{HeapLayout, WORD};
use super::masks::Masks;
use super::spans::{Span, Spans};

/// Smaller objects have no inline mark bits in their span (gcUsesSpanInlineMarkBits).
const INLINE_MARK_MIN: u64 = 16;

pub struct Objects<'a> {
    pub spans: &'a Spans<'a>,
    layout: &'a HeapLayout,
    masks: Masks<'a>,
    /// Objects whose pointers could not be told: their span or their type cannot be read.
    pub unread: u64,
    buffer: Vec<u8>,
}

impl<'a> Objects<'a> {
    pub fn new(spans: &'a Spans<'a>, layout: &'a HeapLayout) -> Objects<'a> {
        Objects {
            spans,
            layout,
            masks: Masks::new(spans.image),
            unread: 0,
            buffer: Vec::new(),
        }
    }

    /// Calls `visit` with (offset, value) for each pointer word that is not nil of the object at `address`.
    pub fn pointers(&mut self, span: &Span<'a>, address: u64, mut visit: impl FnMut(u64, u64)) {
        if span.noscan() {
            return;
        }
        let offset = (address - span.start) as usize;
        let mut buffer = std::mem::take(&mut self.buffer);
        let bytes = match span.data.get(offset..offset + span.elemsize as usize) {
            Some(bytes) => bytes,
            None => {
                // A span in several pieces: copied together.
                buffer.resize(span.elemsize as usize, 0);
                if !self.spans.image.read(address, &mut buffer) {
                    self.unread += 1;
                    self.buffer = buffer;
                    return;
                }
                &buffer
            }
        };
        if span.elemsize <= self.layout.heap_bits_limit {
            self.by_heap_bits(span, address, bytes, &mut visit);
        } else {
            self.by_type(span, bytes, &mut visit);
        }
        self.buffer = buffer;
    }

    fn by_heap_bits(
        &mut self,
        span: &Span<'a>,
        address: u64,
        bytes: &[u8],
        visit: &mut impl FnMut(u64, u64),
    ) {
        let bitmap_bytes = span.bytes / WORD / 8;
        let behind = if span.elemsize >= INLINE_MARK_MIN {
            self.layout.inline_mark_bytes
        } else {
            0
        };
        let bitmap = span.start + span.bytes - bitmap_bytes - behind;
        let first = (address - span.start) / WORD;
        let mut bits = [0u8; 16];
        let wanted = ((first % 8 + span.elemsize / WORD).div_ceil(8) as usize).min(bits.len());
        if !self
            .spans
            .image
            .read(bitmap + first / 8, &mut bits[..wanted])
        {
            self.unread += 1;
            return;
        }
        let all = u128::from_le_bytes(bits) >> (first % 8);
        let mut mask = (all & ((1u128 << (span.elemsize / WORD)) - 1)) as u64;
        while mask != 0 {
            let word = u64::from(mask.trailing_zeros());
            mask &= mask - 1;
            offer(bytes, word * WORD, visit);
        }
    }

    fn by_type(&mut self, span: &Span<'a>, bytes: &[u8], visit: &mut impl FnMut(u64, u64)) {
        let (kind, skip) = if span.is_large() {
            (span.large_type, 0)
        } else {
            (word_at(bytes, 0), WORD)
        };
        if kind == 0 {
            return; // not initialised yet: nothing in it is looked at by the collector either
        }
        let Some(mask) = self.masks.of(kind).filter(|mask| mask.size > 0) else {
            self.unread += 1;
            return;
        };
        let mut element = skip;
        while element < bytes.len() as u64 {
            for &pointer in &mask.pointers {
                let offset = element + u64::from(pointer);
                if offset + WORD > bytes.len() as u64 {
                    return;
                }
                offer(bytes, offset, visit);
            }
            element += mask.size;
        }
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
