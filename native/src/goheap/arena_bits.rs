//! Heap bits up to Go 1.21: a bitmap for each arena of 64 MiB, one bit a word (src/runtime/mbitmap.go, heapBits).

use crate::image::Image;

use super::layout::{HeapLayout, PAGE_BYTES, WORD};
use super::mspans::Wrong;
use super::spans::Spans;

const ARENA_BYTES: u64 = 64 << 20;
/// Bits of one word of the bitmap.
const BITS: u64 = 64;
/// src/runtime/malloc.go, arenaBaseOffset: addresses are counted from the lower end of the signed address space.
const FIRST_ADDRESS: u64 = 0xffff_8000_0000_0000;

/// The arenas that spans in use lie in.
pub struct ArenaBits {
    no_more_ptrs: u64,
    first: u64,
    /// Arena, from `first` on -> address of its heapArena, 0 for none.
    arenas: Vec<u64>,
}

impl ArenaBits {
    /// Finds the heapArena of every span by the table at `table`. Each of them must name the span: a wrong table
    /// would give every object wrong pointers.
    pub fn load(
        image: &Image,
        spans: &Spans,
        table: u64,
        layout: &HeapLayout,
    ) -> Result<ArenaBits, Wrong> {
        let arena_of = |address: u64| address / ARENA_BYTES;
        let all = || spans.list.iter();
        let first = all().map(|span| arena_of(span.start)).min().unwrap_or(0);
        let last = all().map(|span| arena_of(span.end() - 1)).max();
        let last = last.unwrap_or(first);
        let mut arenas = vec![0; (last - first + 1) as usize];
        for span in &spans.list {
            for arena in arena_of(span.start)..=arena_of(span.end() - 1) {
                let place = &mut arenas[(arena - first) as usize];
                if *place == 0 {
                    let number = (arena * ARENA_BYTES).wrapping_sub(FIRST_ADDRESS) / ARENA_BYTES;
                    *place = image
                        .word(table + number * 8)
                        .ok_or("the table of arenas cannot be read")?;
                }
            }
            let arena = arenas[(arena_of(span.start) - first) as usize];
            let page = span.start % ARENA_BYTES / PAGE_BYTES;
            let named = arena
                .checked_add(layout.arena_spans + page * 8)
                .and_then(|at| image.word(at));
            if named != Some(span.record) {
                return Err("the table of arenas and the list of spans contradict each other");
            }
        }
        Ok(ArenaBits {
            no_more_ptrs: layout.arena_no_more_ptrs,
            first,
            arenas,
        })
    }

    /// Calls `visit` with the offset of each pointer word of the object of `bytes` bytes at `address`; None where
    /// its bits cannot be read.
    pub fn pointers(
        &self,
        image: &Image,
        address: u64,
        bytes: u64,
        mut visit: impl FnMut(u64),
    ) -> Option<()> {
        let (mut at, end) = (address, address + bytes);
        while at + WORD <= end {
            let arena = *self.arenas.get((at / ARENA_BYTES - self.first) as usize)?;
            let word = at % ARENA_BYTES / WORD;
            let (index, shift) = (word / BITS, word % BITS);
            let valid = (BITS - shift).min((end - at) / WORD);
            let mut mask = image.word(arena.checked_add(index * 8)?)? >> shift;
            if valid < BITS {
                mask &= (1 << valid) - 1;
            }
            while mask != 0 {
                visit(at - address + u64::from(mask.trailing_zeros()) * WORD);
                mask &= mask - 1;
            }
            at += valid * WORD;
            // The rest of the bitmap was not written for this object.
            let no_more = image.slice(arena + self.no_more_ptrs + index / 8, 1)?[0];
            if at < end && no_more >> (index % 8) & 1 == 1 {
                break;
            }
        }
        Some(())
    }
}
