//! The spans in use, and from an address to the object it lies in.

use std::ops::Range;

use super::layout::PAGE_BYTES;

/// Every slot of every span in use has a number; those of one span are consecutive. Those of objects with pointers
/// come first.
pub type Slot = u32;

pub const PAGES_PER_ARENA: u64 = 8192;
pub const NONE: u32 = u32::MAX;
/// A span's first slot is a multiple of this: a byte of allocation bits is of one span.
pub const BLOCK: u32 = 8;
/// Heap bits that are taken at once.
pub const BITS_BYTES: usize = 16;

/// One mspan in use, in one line of the cache: every pointer asks for one.
#[repr(align(64))]
pub struct Span {
    pub start: u64,
    pub elemsize: u64,
    pub large_type: u64,
    /// Address of the mspan itself.
    pub record: u64,
    /// Multiplying an offset by this and keeping the upper half divides it by elemsize, as mspan.divMul does.
    pub reciprocal: u64,
    pub pages: u32,
    pub nelems: u32,
    pub first_slot: Slot,
    pub freeindex: u32,
    /// Where its heap bits begin in `Spans::heap_bits`, or NONE.
    pub first_heap_bits: u32,
    pub spanclass: u8,
}

impl Span {
    pub fn bytes(&self) -> u64 {
        u64::from(self.pages) * PAGE_BYTES
    }

    pub fn end(&self) -> u64 {
        self.start + self.bytes()
    }

    /// Returns the numbers of its slots.
    pub fn slots(&self) -> Range<Slot> {
        self.first_slot..self.first_slot + self.nelems
    }

    pub fn noscan(&self) -> bool {
        self.spanclass & 1 == 1
    }

    pub fn is_large(&self) -> bool {
        self.spanclass >> 1 == 0
    }

    /// Returns the address of `slot`, one of its own.
    pub fn address(&self, slot: Slot) -> u64 {
        self.start + u64::from(slot - self.first_slot) * self.elemsize
    }
}

/// One mspan that holds no objects.
pub struct Manual {
    pub start: u64,
    pub bytes: u64,
    pub elemsize: u64,
}

/// All spans in use, owned: they outlive the image they were read from.
pub struct Spans {
    /// Those with pointers by address, then those without.
    pub list: Vec<Span>,
    pub slots: u32,
    /// How many of the slots are of objects with pointers.
    pub inner_slots: u32,
    /// How many of the spans are.
    pub inner: usize,
    /// By address: spans that the runtime allocates by hand.
    pub manual: Vec<Manual>,
    /// Pages of 4096 bytes where mspans and their allocation bits lie, by number.
    pub metadata_pages: Vec<u64>,
    /// Sum over all spans in use, to be held against mheap.pagesInUse.
    pub pages_in_use: u64,
    /// Spans that were passed over because they changed while they were read.
    pub torn: u64,
    /// By slot.
    pub(super) alloc_bits: Vec<u8>,
    /// Which words are pointers, of all spans that say so at their end, side by side: spread over all of the heap
    /// each look at them would cost a page of its own.
    pub(super) heap_bits: Vec<u8>,
    pub(super) first_arena: u64,
    /// Arena -> index into `pages`, by arenas, or NONE.
    pub(super) arenas: Vec<u32>,
    /// For each arena in use: page -> index into `list`, or NONE.
    pub(super) pages: Vec<u32>,
    /// Block of slots -> index into `list`.
    pub(super) blocks: Vec<u32>,
}

impl Spans {
    /// Returns the span and the slot of the object that `address` lies in; None where none is allocated there.
    #[inline]
    pub fn find(&self, address: u64) -> Option<(&Span, Slot)> {
        let span = self.span_at(address)?;
        let offset = address - span.start;
        let index = ((u128::from(offset) * u128::from(span.reciprocal)) >> 64) as u32;
        (index < span.nelems && self.is_allocated(span, index))
            .then_some((span, span.first_slot + index))
    }

    /// Tells whether an object begins at `address`.
    pub fn begins_at(&self, address: u64) -> bool {
        self.find(address)
            .is_some_and(|(span, slot)| span.address(slot) == address)
    }

    #[inline]
    fn span_at(&self, address: u64) -> Option<&Span> {
        let page = address / PAGE_BYTES;
        let arena = (page / PAGES_PER_ARENA).checked_sub(self.first_arena)?;
        let block = *self.arenas.get(usize::try_from(arena).ok()?)?;
        if block == NONE {
            return None;
        }
        let index =
            self.pages[(u64::from(block) * PAGES_PER_ARENA + page % PAGES_PER_ARENA) as usize];
        self.list.get(index as usize)
    }

    /// Returns the span that `slot` belongs to.
    #[inline]
    pub fn of_slot(&self, slot: Slot) -> &Span {
        &self.list[self.number_of(slot)]
    }

    /// Returns the index into `list` of the span that `slot` belongs to.
    #[inline]
    pub fn number_of(&self, slot: Slot) -> usize {
        self.blocks[(slot / BLOCK) as usize] as usize
    }

    /// Returns the spans of objects with pointers, by address.
    pub fn with_pointers(&self) -> &[Span] {
        &self.list[..self.inner]
    }

    /// Tells whether `slot` is of an object with pointers.
    #[inline]
    pub fn is_inner(&self, slot: Slot) -> bool {
        slot < self.inner_slots
    }

    /// Returns the 128 heap bits from byte `first` of those of `span` on; None where these cannot be read.
    #[inline]
    pub fn heap_bits(&self, span: &Span, first: u64) -> Option<u128> {
        if span.first_heap_bits == NONE {
            return None;
        }
        let at = span.first_heap_bits as usize + first as usize;
        let bits = self.heap_bits.get(at..at + BITS_BYTES)?;
        bits.try_into().ok().map(u128::from_le_bytes)
    }

    /// Tells whether slot `index` of `span` holds an object: mspan.isFree in src/runtime/mbitmap.go.
    #[inline]
    pub fn is_allocated(&self, span: &Span, index: u32) -> bool {
        let slot = span.first_slot + index;
        index < span.freeindex || self.alloc_bits[slot as usize / 8] >> (slot % 8) & 1 == 1
    }

    /// Returns (objects, bytes) allocated: what the garbage collector has not found dead yet is among them.
    pub fn allocated(&self) -> (u64, u64) {
        let (mut objects, mut bytes) = (0, 0);
        for span in &self.list {
            let count = (0..span.nelems)
                .filter(|&index| self.is_allocated(span, index))
                .count() as u64;
            objects += count;
            bytes += count * span.elemsize;
        }
        (objects, bytes)
    }
}
