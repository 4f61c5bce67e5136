//! Arrays of maps among the garbage: a table (swiss) or a header (classic) that nothing leads to any more, and the
//! groups or buckets that only it led to.
//!
//! swiss: src/internal/runtime/maps/table.go (Go 1.24 and up); classic: src/runtime/map.go.

use std::collections::HashMap;

use crate::image::Image;

use super::mark::Marked;
use super::spans::{Slot, Span, Spans};

const TABLE_BYTES: u64 = 32;
const SLOTS_PER_GROUP: u64 = 8;
const MOST_IN_TABLE: u64 = 1024;
const MOST_BUCKETS_LOG: u8 = 32;
/// Of a classic header: how many buckets there are (log 2), and where.
const BUCKETS_LOG: u64 = 9;
const PARTS: u64 = 16;

/// Tells how many groups or buckets what lies at an address leads to, and where; None where it is none.
type Reader = fn(&Image, u64) -> Option<(u64, u64)>;

/// Returns (groups or buckets in an array, bytes that the allocator gave it) -> how many such arrays there are.
pub fn dropped_arrays(
    image: &Image,
    spans: &Spans,
    marked: &Marked,
    swiss: bool,
    map_header_bytes: u64,
) -> HashMap<(u64, u64), u64> {
    let (size, read): (u64, Reader) = if swiss {
        (TABLE_BYTES, of_table)
    } else {
        (map_header_bytes, of_header)
    };
    let is_garbage = |span: &Span, slot: Slot| {
        !marked.is_reached(slot) && spans.is_allocated(span, slot - span.first_slot)
    };
    let mut found = HashMap::new();
    let of_size = spans.with_pointers().iter();
    for span in of_size.filter(|span| span.elemsize == size) {
        for slot in span.slots() {
            let Some((units, at)) = is_garbage(span, slot)
                .then(|| read(image, span.address(slot)))
                .flatten()
            else {
                continue;
            };
            let array = spans.find(at).filter(|&(array, slot)| {
                array.address(slot) == at
                    && array.elemsize >= units * SLOTS_PER_GROUP
                    && is_garbage(array, slot)
            });
            if let Some((array, _)) = array {
                *found.entry((units, array.elemsize)).or_insert(0) += 1;
            }
        }
    }
    found
}

/// Returns how many groups the table at `address` has, and where; None where it is none.
fn of_table(image: &Image, address: u64) -> Option<(u64, u64)> {
    let head = image.slice(address, TABLE_BYTES as usize)?;
    let count = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let (used, capacity, growth_left) = (count(0), count(2), count(4));
    let (groups, mask) = (image.word(address + 16)?, image.word(address + 24)?);
    let is_table = capacity.is_power_of_two()
        && (SLOTS_PER_GROUP..=MOST_IN_TABLE).contains(&capacity)
        && used + growth_left <= capacity
        && mask == capacity / SLOTS_PER_GROUP - 1;
    is_table.then_some((mask + 1, groups))
}

/// Returns how many buckets the header at `address` leads to, and where; None where it is none, or holds nothing.
fn of_header(image: &Image, address: u64) -> Option<(u64, u64)> {
    let (entries, log) = (
        image.word(address)?,
        image.slice(address + BUCKETS_LOG, 1)?[0],
    );
    let is_header = log < MOST_BUCKETS_LOG && entries > 0 && entries <= SLOTS_PER_GROUP << log;
    is_header.then_some((1 << log, image.word(address + PARTS)?))
}
