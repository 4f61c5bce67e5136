//! The spans in use, and from an address to the object it lies in.

use crate::image::Image;

use super::layout::{HeapLayout, HeapPlace, IN_USE, MANUAL, PAGE_BYTES, WORD};

/// Every slot of every span in use has a number; those of one span are consecutive.
pub type Slot = u32;

const PAGES_PER_ARENA: u64 = 8192;
const NONE: u32 = u32::MAX;
const MOST_SPANS: u64 = 1 << 28;
/// Slots whose span is noted once.
const BLOCK: u32 = 64;
/// Heap bits that are taken at once.
const BITS_BYTES: usize = 16;
/// Smaller objects have no inline mark bits in their span (gcUsesSpanInlineMarkBits).
const INLINE_MARK_MIN: u64 = 16;

/// One mspan in use.
pub struct Span {
    pub start: u64,
    pub bytes: u64,
    pub elemsize: u64,
    pub nelems: u32,
    pub first_slot: Slot,
    pub spanclass: u8,
    pub large_type: u64,
    /// Address of the mspan itself.
    pub record: u64,
    freeindex: u32,
    /// Where its allocation bits begin in `Spans::alloc_bits`.
    first_bits: usize,
    /// Where its heap bits begin in `Spans::heap_bits`, or NONE.
    first_heap_bits: u32,
    /// Multiplying an offset by this and keeping the upper half divides it by elemsize, as mspan.divMul does.
    reciprocal: u64,
}

impl Span {
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
    /// By address.
    pub list: Vec<Span>,
    pub slots: u32,
    /// By address: spans that the runtime allocates by hand.
    pub manual: Vec<Manual>,
    /// Pages of 4096 bytes where mspans and their allocation bits lie, by number.
    pub metadata_pages: Vec<u64>,
    /// Sum over all spans in use, to be held against mheap.pagesInUse.
    pub pages_in_use: u64,
    /// Spans that were passed over because they changed while they were read.
    pub torn: u64,
    alloc_bits: Vec<u8>,
    /// Which words are pointers, of all spans that say so at their end, side by side: spread over all of the heap
    /// each look at them would cost a page of its own.
    heap_bits: Vec<u8>,
    first_arena: u64,
    /// Arena -> index into `pages`, by arenas, or NONE.
    arenas: Vec<u32>,
    /// For each arena in use: page -> index into `list`, or NONE.
    pages: Vec<u32>,
    /// Block of slots -> index into `list` of the span of its first slot.
    blocks: Vec<u32>,
}

/// Why the spans make no heap.
pub type Wrong = &'static str;

impl Spans {
    /// Reads the mspans that the array of `place` points to.
    pub fn load(image: &Image, place: &HeapPlace, layout: &HeapLayout) -> Result<Spans, Wrong> {
        if place.spans > MOST_SPANS {
            return Err("allspans is absurdly long");
        }
        let mut list = Vec::new();
        let mut alloc_bits = Vec::new();
        let mut torn = 0;
        let mut manual = Vec::new();
        let mut metadata_pages = Vec::new();
        let mut record = vec![0; layout.span_size];
        for index in 0..place.spans {
            let pointer = image
                .word(place.allspans + index * 8)
                .filter(|&at| image.read(at, &mut record));
            let Some(pointer) = pointer else {
                if !place.moving {
                    return Err("an mspan cannot be read");
                }
                torn += 1;
                continue;
            };
            metadata_pages.push(pointer >> 12);
            if record[layout.span_state] == MANUAL {
                manual.extend(read_manual(&record, layout));
            }
            if record[layout.span_state] == IN_USE {
                metadata_pages.push(word_at(&record, layout.span_alloc_bits) >> 12);
                match read_span(image, pointer, &record, layout, &mut alloc_bits) {
                    Ok(span) => list.push(span),
                    Err(_) if place.moving => torn += 1,
                    Err(wrong) => return Err(wrong),
                }
            }
        }
        metadata_pages.sort_unstable();
        metadata_pages.dedup();
        manual.sort_unstable_by_key(|span| span.start);
        list.sort_unstable_by_key(|span| span.start);
        if place.moving {
            torn += drop_overlapping(&mut list);
        }
        let pages_in_use = list.iter().map(|span| span.bytes / PAGE_BYTES).sum();
        let slots = number_slots(&mut list)?;
        let heap_bits = match place.arenas {
            0 => gather_heap_bits(image, &mut list, layout)?,
            _ => Vec::new(),
        };
        let (first_arena, arenas, pages) = index_pages(&list)?;
        Ok(Spans {
            blocks: index_blocks(&list, slots),
            list,
            slots,
            manual,
            metadata_pages,
            pages_in_use,
            torn,
            alloc_bits,
            heap_bits,
            first_arena,
            arenas,
            pages,
        })
    }

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
        let block = (slot / BLOCK) as usize;
        let (first, last) = (self.blocks[block] as usize, self.blocks[block + 1] as usize);
        let later = self.list[first + 1..=last].partition_point(|span| span.first_slot <= slot);
        &self.list[first + later]
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
        index < span.freeindex
            || self.alloc_bits[span.first_bits + index as usize / 8] >> (index % 8) & 1 == 1
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

fn word_at(record: &[u8], at: usize) -> u64 {
    record[at..at + 8]
        .try_into()
        .map(u64::from_le_bytes)
        .unwrap_or_default()
}

fn read_manual(record: &[u8], layout: &HeapLayout) -> Option<Manual> {
    let bytes = word_at(record, layout.span_npages).checked_mul(PAGE_BYTES)?;
    let start = word_at(record, layout.span_start);
    (start >> 47 == 0 && bytes >> 40 == 0).then(|| Manual {
        start,
        bytes,
        elemsize: word_at(record, layout.span_elemsize),
    })
}

/// Drops each span that begins within the one before it, and returns how many: pages changed hands meanwhile.
fn drop_overlapping(spans: &mut Vec<Span>) -> u64 {
    let (before, mut end) = (spans.len(), 0);
    spans.retain(|span| {
        let apart = span.start >= end;
        if apart {
            end = span.start + span.bytes;
        }
        apart
    });
    (before - spans.len()) as u64
}

fn read_span(
    image: &Image,
    address: u64,
    record: &[u8],
    layout: &HeapLayout,
    alloc_bits: &mut Vec<u8>,
) -> Result<Span, Wrong> {
    let word = |at: usize| word_at(record, at);
    let count = |at: usize| {
        if layout.span_count_bytes == 2 {
            word(at) & 0xffff
        } else {
            word(at)
        }
    };
    let start = word(layout.span_start);
    let bytes = word(layout.span_npages)
        .checked_mul(PAGE_BYTES)
        .ok_or("an mspan is absurdly long")?;
    let (elemsize, nelems) = (word(layout.span_elemsize), count(layout.span_nelems));
    let fits = elemsize > 0 && nelems.checked_mul(elemsize).is_some_and(|all| all <= bytes);
    if !fits || start % PAGE_BYTES != 0 || start >> 47 != 0 || bytes >> 40 != 0 {
        return Err("an mspan contradicts itself");
    }
    let first_bits = alloc_bits.len();
    alloc_bits.resize(first_bits + nelems.div_ceil(8) as usize, 0);
    if !image.read(word(layout.span_alloc_bits), &mut alloc_bits[first_bits..]) {
        return Err("the allocation bits of an mspan cannot be read");
    }
    Ok(Span {
        start,
        bytes,
        elemsize,
        nelems: nelems as u32,
        first_slot: 0,
        spanclass: record[layout.span_spanclass],
        large_type: word(layout.span_large_type),
        record: address,
        freeindex: count(layout.span_freeindex).min(nelems) as u32,
        first_bits,
        first_heap_bits: NONE,
        reciprocal: u64::MAX / elemsize + 1,
    })
}

fn number_slots(spans: &mut [Span]) -> Result<u32, Wrong> {
    let mut next: u32 = 0;
    let mut end = 0;
    for span in spans {
        if span.start < end {
            return Err("two mspans overlap");
        }
        end = span.start + span.bytes;
        span.first_slot = next;
        next = next
            .checked_add(span.nelems)
            .ok_or("there are more than four billion slots")?;
    }
    Ok(next)
}

/// Returns the heap bits at the end of all spans of small objects with pointers, and tells each where its own begin.
fn gather_heap_bits(
    image: &Image,
    spans: &mut [Span],
    layout: &HeapLayout,
) -> Result<Vec<u8>, Wrong> {
    let mut gathered = Vec::new();
    for span in spans {
        if span.noscan() || span.elemsize > layout.heap_bits_limit {
            continue;
        }
        let bytes = span.bytes / WORD / 8;
        let behind = if span.elemsize >= INLINE_MARK_MIN {
            layout.inline_mark_bytes
        } else {
            0
        };
        let first = gathered.len();
        gathered.resize(first + bytes as usize, 0);
        if image.read(
            span.start + span.bytes - bytes - behind,
            &mut gathered[first..],
        ) {
            span.first_heap_bits =
                u32::try_from(first).map_err(|_| "there are more than four billion heap bits")?;
        } else {
            gathered.truncate(first);
        }
    }
    gathered.resize(gathered.len() + BITS_BYTES, 0);
    Ok(gathered)
}

/// Returns for each block of slots the index of the span of its first slot, and at the end that of the last span.
fn index_blocks(spans: &[Span], slots: u32) -> Vec<u32> {
    let mut blocks = Vec::with_capacity(slots.div_ceil(BLOCK) as usize + 1);
    let mut index = 0;
    for first in (0..slots).step_by(BLOCK as usize) {
        while spans[index].first_slot + spans[index].nelems <= first {
            index += 1;
        }
        blocks.push(index as u32);
    }
    blocks.push(spans.len().saturating_sub(1) as u32);
    blocks
}

fn index_pages(spans: &[Span]) -> Result<(u64, Vec<u32>, Vec<u32>), Wrong> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Err("no span is in use");
    };
    let arena_of = |address: u64| address / PAGE_BYTES / PAGES_PER_ARENA;
    let first_arena = arena_of(first.start);
    // At most 2^21 arenas in 47 bits of address: 8 MiB of table.
    let mut arenas = vec![NONE; (arena_of(last.start + last.bytes - 1) - first_arena + 1) as usize];
    let mut pages: Vec<u32> = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        for page in span.start / PAGE_BYTES..(span.start + span.bytes) / PAGE_BYTES {
            let block = &mut arenas[(page / PAGES_PER_ARENA - first_arena) as usize];
            if *block == NONE {
                *block = (pages.len() as u64 / PAGES_PER_ARENA) as u32;
                pages.resize(pages.len() + PAGES_PER_ARENA as usize, NONE);
            }
            pages[(u64::from(*block) * PAGES_PER_ARENA + page % PAGES_PER_ARENA) as usize] =
                index as u32;
        }
    }
    Ok((first_arena, arenas, pages))
}
