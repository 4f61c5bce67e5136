"""Where each version of Go keeps what, as data. ``tools/check_layouts.py`` holds it against every toolchain.

Upstream: src/runtime/mheap.go (mspan, mheap, heapArena), mbitmap.go (heap bits), runtime2.go (g), symtab.go
(moduledata), all for linux/amd64.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.errors import TargetUnsupported
from mapmedic.goheap.build import GoBuild

OLDEST_MINOR = 21
NEWEST_MINOR = 27
# A mutex is larger with it, and so is everything that has one (src/runtime/lockrank_on.go).
_MOVING = frozenset({"staticlockranking"})


@dataclass(frozen=True, slots=True)
class GoroutineLayout:
    """Offsets in a g, in bytes; its stack's bounds come first in it.

    ``created_at`` is gopc, the go statement's return address; ``began_at`` is startpc, the function's entry.
    """

    scheduled_sp: int
    status: int
    id: int
    created_at: int
    began_at: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that differs between versions and experiments.

    ``spans`` are the numbers of an mspan as the native core wants them; ``swiss`` tells the design of maps,
    ``sync_trie`` that of a sync.Map. ``types_end`` is where moduledata says that types end. ``bucket_load`` is how
    many entries a classic bucket has on average before a map grows (src/runtime/map.go, loadFactorNum). ``arenas``
    is how far behind mheap.allspans mheap.arenas lies, where the arenas have the heap bits (None: the objects and
    spans have them).
    """

    spans: dict[str, int]
    goroutine: GoroutineLayout
    swiss: bool
    sync_trie: bool
    types_end: int
    bucket_load: float
    arenas: int | None = None

    @property
    def has_headers(self) -> bool:
        """Tell whether objects with pointers that are neither small nor large begin with their type."""
        return self.arenas is None

    @property
    def map_header_bytes(self) -> int:
        """Return what the allocator sets aside for the header of a map."""
        return self.spans["map_header_bytes"]


_SPAN = {
    "span_size": 160, "span_start": 24, "span_npages": 32, "span_freeindex": 48, "span_nelems": 50,
    "span_count_bytes": 2, "span_alloc_bits": 64, "span_spanclass": 98, "span_state": 99,
    "span_elemsize": 104, "span_large_type": 152, "heap_bits_limit": 512, "arena_no_more_ptrs": 0, "arena_spans": 0,
}  # fmt: skip
# Up to Go 1.21, and with GOEXPERIMENT=noallocheaders in 1.22, a bitmap for each arena says where pointers are,
# whatever the size: no object has a header.
_NO_HEADERS = {
    "heap_bits_limit": 1 << 62,
    "arena_no_more_ptrs": 1 << 20,
    "arena_spans": (1 << 20) + (1 << 14),
}
_SPAN_21 = {
    "span_size": 168, "span_start": 24, "span_npages": 32, "span_freeindex": 48, "span_nelems": 56,
    "span_count_bytes": 8, "span_alloc_bits": 72, "span_spanclass": 106, "span_state": 107,
    "span_elemsize": 112, "span_large_type": 0,
}  # fmt: skip
_ARENAS = {21: 80, 22: 144}
# src/runtime/map.go (hmap), src/internal/runtime/maps/map.go (Map): 48 bytes; the classic one of 1.24 and 1.25
# (src/runtime/map_noswiss.go) has 56, for which 64 are set aside.
_MAP = {"map_header_bytes": 48, "map_extra": 40}
_HMAP_24 = {"map_header_bytes": 64, "map_extra": 48}
# What is kept beside an object: src/runtime/mheap.go, special. By the version that brought it; 255: there is none.
_SPECIALS = {
    21: {"special_bytes": 16, "special_finalizer": 1, "special_cleanup": 255, "special_weak": 255},
    23: {"special_bytes": 16, "special_finalizer": 1, "special_cleanup": 255, "special_weak": 2},
    24: {"special_bytes": 24, "special_finalizer": 1, "special_cleanup": 6, "special_weak": 2},
    25: {"special_bytes": 24, "special_finalizer": 2, "special_cleanup": 7, "special_weak": 3},
}
# Inline mark bits of Green Tea: src/runtime/mgcmark_greenteagc.go, spanInlineMarkBits.
_GREEN_TEA_BYTES = 128

_GOROUTINES = {
    21: GoroutineLayout(56, 144, 152, 280, 296),
    22: GoroutineLayout(56, 144, 152, 280, 296),
    23: GoroutineLayout(56, 152, 160, 288, 304),
    24: GoroutineLayout(56, 152, 160, 288, 304),
    25: GoroutineLayout(56, 144, 152, 280, 296),
    26: GoroutineLayout(56, 144, 152, 288, 304),
    27: GoroutineLayout(56, 144, 152, 288, 304),
}


def layout_of(build: GoBuild) -> Layout:
    """Return the layout of a program built so; TargetUnsupported for a version never looked at."""
    if "devel" in build.version:
        raise TargetUnsupported(
            build.version, "a Go between two versions: where it keeps what nobody has looked up"
        )
    if build.minor > NEWEST_MINOR:
        raise TargetUnsupported(
            build.version, f"this mapmedic knows Go up to 1.{NEWEST_MINOR}; a newer one is needed"
        )
    if build.minor < OLDEST_MINOR:
        raise TargetUnsupported(build.version, f"Go before 1.{OLDEST_MINOR} is not read from memory")
    green_tea = build.has("greenteagc", since=26)
    if moved := build.experiments & _MOVING:
        raise TargetUnsupported(
            build.version,
            f"built with GOEXPERIMENT={','.join(sorted(moved))}, which moves what this mapmedic reads",
        )
    has_headers = build.has("allocheaders", since=22)
    swiss = build.has("swissmap", since=24)
    return Layout(
        spans={
            **(_SPAN_21 if build.minor == 21 else _SPAN),
            **({} if has_headers else _NO_HEADERS),
            **(_HMAP_24 if build.minor >= 24 and not swiss else _MAP),
            **_SPECIALS[max(known for known in _SPECIALS if known <= build.minor)],
            "span_specials": 136 if build.minor == 21 else 128,
            "inline_mark_bytes": _GREEN_TEA_BYTES if green_tea else 0,
        },
        goroutine=_GOROUTINES[build.minor],
        swiss=swiss,
        sync_trie=build.has("synchashtriemap", since=24),
        types_end=312 if build.minor >= 27 else 304,
        bucket_load=6 if build.minor == 21 else 6.5,
        arenas=None if has_headers else _ARENAS[build.minor],
    )
