//! Reads the runtime's own list of spans: src/runtime/mheap.go, mspan.

use crate::image::Image;

use super::layout::{HeapLayout, HeapPlace, IN_USE, MANUAL, PAGE_BYTES, WORD};
use super::mark::ROOT;
use super::spans::{BITS_BYTES, BLOCK, Manual, NONE, PAGES_PER_ARENA, Span, Spans};

const MOST_SPANS: u64 = 1 << 28;
/// Smaller objects have no inline mark bits in their span (gcUsesSpanInlineMarkBits).
const INLINE_MARK_MIN: u64 = 16;

/// Why the spans make no heap.
pub type Wrong = &'static str;

impl Spans {
    /// Reads the mspans that the array of `place` points to.
    pub fn load(image: &Image, place: &HeapPlace, layout: &HeapLayout) -> Result<Spans, Wrong> {
        if place.spans > MOST_SPANS {
            return Err("allspans is absurdly long");
        }
        let mut list = Vec::new();
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
                match read_span(image, pointer, &record, layout) {
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
        if list.windows(2).any(|two| two[1].start < two[0].end()) {
            return Err("two mspans overlap");
        }
        let (first_arena, mut arenas) = arenas_of(&list)?;
        let pages_in_use = list.iter().map(|span| u64::from(span.pages)).sum();
        list.sort_by_key(Span::noscan);
        let inner = list.partition_point(|span| !span.noscan());
        let inner_slots = number_slots(&mut list[..inner], 0)?;
        let slots = number_slots(&mut list[inner..], inner_slots)?;
        let heap_bits = match place.arenas {
            0 => gather_heap_bits(image, &mut list, layout)?,
            _ => Vec::new(),
        };
        Ok(Spans {
            alloc_bits: gather_alloc_bits(image, &list, layout, slots)?,
            pages: index_pages(&list, first_arena, &mut arenas),
            blocks: index_blocks(&list, slots),
            list,
            slots,
            inner_slots,
            inner,
            manual,
            metadata_pages,
            pages_in_use,
            torn,
            heap_bits,
            first_arena,
            arenas,
        })
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
            end = span.end();
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
    let fits = elemsize > 0
        && nelems >> 31 == 0
        && nelems.checked_mul(elemsize).is_some_and(|all| all <= bytes);
    if !fits || start % PAGE_BYTES != 0 || start >> 47 != 0 || bytes >> 40 != 0 {
        return Err("an mspan contradicts itself");
    }
    if !image.covers(word(layout.span_alloc_bits), nelems.div_ceil(8) as usize) {
        return Err("the allocation bits of an mspan cannot be read");
    }
    Ok(Span {
        start,
        elemsize,
        pages: (bytes / PAGE_BYTES) as u32,
        nelems: nelems as u32,
        first_slot: 0,
        spanclass: record[layout.span_spanclass],
        large_type: word(layout.span_large_type),
        record: address,
        freeindex: count(layout.span_freeindex).min(nelems) as u32,
        first_heap_bits: NONE,
        reciprocal: u64::MAX / elemsize + 1,
    })
}

/// Numbers the slots of `spans` from `next` on, a multiple of BLOCK, and returns what comes behind them, another.
fn number_slots(spans: &mut [Span], mut next: u32) -> Result<u32, Wrong> {
    for span in spans {
        span.first_slot = next;
        next = next
            .checked_add(span.nelems)
            .and_then(|end| end.checked_next_multiple_of(BLOCK))
            .filter(|&end| end < ROOT)
            .ok_or("there are more than four billion slots")?;
    }
    Ok(next)
}

/// Returns the allocation bits of all spans by slot.
fn gather_alloc_bits(
    image: &Image,
    spans: &[Span],
    layout: &HeapLayout,
    slots: u32,
) -> Result<Vec<u8>, Wrong> {
    let mut gathered = vec![0; (slots / BLOCK) as usize];
    for span in spans {
        let (first, last) = (span.first_slot / BLOCK, span.slots().end.div_ceil(BLOCK));
        let own = &mut gathered[first as usize..last as usize];
        let at = image.word(span.record + layout.span_alloc_bits as u64);
        if !at.is_some_and(|at| image.read(at, own)) {
            return Err("the allocation bits of an mspan cannot be read");
        }
    }
    Ok(gathered)
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
        let bytes = span.bytes() / WORD / 8;
        let behind = if span.elemsize >= INLINE_MARK_MIN {
            layout.inline_mark_bytes
        } else {
            0
        };
        let first = gathered.len();
        gathered.resize(first + bytes as usize, 0);
        if image.read(span.end() - bytes - behind, &mut gathered[first..]) {
            span.first_heap_bits =
                u32::try_from(first).map_err(|_| "there are more than four billion heap bits")?;
        } else {
            gathered.truncate(first);
        }
    }
    gathered.resize(gathered.len() + BITS_BYTES, 0);
    Ok(gathered)
}

/// Returns for each block of slots the index of its span.
fn index_blocks(spans: &[Span], slots: u32) -> Vec<u32> {
    let mut blocks = vec![0; (slots / BLOCK) as usize];
    for (index, span) in (0..).zip(spans) {
        let (first, last) = (span.first_slot / BLOCK, span.slots().end.div_ceil(BLOCK));
        blocks[first as usize..last as usize].fill(index);
    }
    blocks
}

/// Returns the number of the first arena, and a place for each up to the last one.
fn arenas_of(spans: &[Span]) -> Result<(u64, Vec<u32>), Wrong> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Err("no span is in use");
    };
    let arena_of = |address: u64| address / PAGE_BYTES / PAGES_PER_ARENA;
    let first = arena_of(first.start);
    // At most 2^21 arenas in 47 bits of address: 8 MiB of table.
    Ok((
        first,
        vec![NONE; (arena_of(last.end() - 1) - first + 1) as usize],
    ))
}

/// Returns the index of the span of each page of the arenas in use, and notes in `arenas` where those of each begin.
fn index_pages(spans: &[Span], first_arena: u64, arenas: &mut [u32]) -> Vec<u32> {
    let mut pages: Vec<u32> = Vec::new();
    for (index, span) in (0..).zip(spans) {
        for page in span.start / PAGE_BYTES..span.end() / PAGE_BYTES {
            let block = &mut arenas[(page / PAGES_PER_ARENA - first_arena) as usize];
            if *block == NONE {
                *block = (pages.len() as u64 / PAGES_PER_ARENA) as u32;
                pages.resize(pages.len() + PAGES_PER_ARENA as usize, NONE);
            }
            pages[(u64::from(*block) * PAGES_PER_ARENA + page % PAGES_PER_ARENA) as usize] = index;
        }
    }
    pages
}
