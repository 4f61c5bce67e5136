//! Where the runtime keeps what, as numbers that Python hands over: this crate knows no version of Go.

use pyo3::prelude::*;

use super::said::Way;

/// Offsets within one mspan, in bytes (src/runtime/mheap.go), and how objects say where their pointers are
/// (src/runtime/mbitmap.go).
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct HeapLayout {
    pub span_size: usize,
    pub span_start: usize,
    pub span_npages: usize,
    pub span_freeindex: usize,
    pub span_nelems: usize,
    /// How wide freeindex and nelems are: 2 bytes, or 8 up to Go 1.21.
    pub span_count_bytes: usize,
    pub span_alloc_bits: usize,
    pub span_spanclass: usize,
    pub span_state: usize,
    pub span_elemsize: usize,
    pub span_large_type: usize,
    /// Objects up to this size have their heap bits at the end of the span, larger ones begin with a header.
    pub heap_bits_limit: u64,
    /// Bytes behind those heap bits (the inline mark bits of Green Tea), for objects of 16 bytes and more.
    pub inline_mark_bytes: u64,
    /// What the allocator sets aside for the header of a map, and where a classic one leads to its overflow buckets.
    pub map_header_bytes: u64,
    pub map_extra: u64,
    /// Up to Go 1.21, in a heapArena (its bitmap comes first): noMorePtrs and spans. Later 0.
    pub arena_no_more_ptrs: u64,
    pub arena_spans: u64,
    /// mspan.specials, the size of a special, and its kinds (src/runtime/mheap.go); a kind that there is not: 255.
    pub span_specials: u64,
    pub special_bytes: u64,
    pub special_finalizer: u64,
    pub special_cleanup: u64,
    pub special_weak: u64,
}

/// Where a heap is: the array of mspans, how many there are, in which design its maps are, and what is beside it.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct HeapPlace {
    pub allspans: u64,
    pub spans: u64,
    pub swiss: bool,
    /// A sync.Map is a trie, not two maps.
    pub sync_trie: bool,
    /// Where type descriptors lie; names count from the start.
    pub types: u64,
    pub types_end: u64,
    /// [start, end) of the global variables with pointers.
    pub globals: Vec<(u64, u64)>,
    /// mheap.arenas[0], the table of heap arenas, where these have the heap bits; else 0.
    pub arenas: u64,
    /// [start, end) of the program's code.
    pub text: (u64, u64),
    /// How many of the first roots are pointers beyond doubt.
    pub certain_roots: usize,
    /// Where headers of maps would be that a live pointer of a frame to its own stack is of.
    pub stack_headers: Vec<u64>,
    /// Pointers to objects that only watch others: what they alone lead to is theirs.
    pub watchers: Vec<u64>,
    /// (address, type) of global variables of which debug information tells it.
    pub variables: Vec<(u64, u64)>,
    /// What the program's code says: ways from words, from closures, and headers of maps on stacks (said.rs).
    pub said_words: Vec<Way>,
    pub said_closures: Vec<Way>,
    pub said_headers: Vec<(u64, u64)>,
    /// Of the allocator, ascending, in bytes.
    pub size_classes: Vec<u64>,
    /// It was read while the program ran: what contradicts itself is passed over and counted.
    pub moving: bool,
}

pub const PAGE_BYTES: u64 = 8192;
pub const WORD: u64 = 8;
/// src/runtime/mheap.go: mSpanInUse.
pub const IN_USE: u8 = 1;
/// mSpanManual: stacks and work buffers.
pub const MANUAL: u8 = 2;
