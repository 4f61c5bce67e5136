"""Where each version of Go keeps what, as data. ``tools/check_layouts.py`` holds it against every toolchain.

Upstream: src/runtime/mheap.go (mspan), mbitmap.go (heap bits), runtime2.go (g), symtab.go (moduledata),
all for linux/amd64.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.errors import TargetUnsupported
from mapmedic.goheap.build import GoBuild

OLDEST_MINOR = 22
NEWEST_MINOR = 27


@dataclass(frozen=True, slots=True)
class GoroutineLayout:
    """Offsets in a g, in bytes; its stack's bounds come first in it."""

    scheduled_sp: int
    status: int
    id: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that differs between versions and experiments.

    ``spans`` are the numbers of an mspan as the native core wants them; ``swiss`` tells the design of maps,
    ``sync_trie`` that of a sync.Map. ``types_end`` is where moduledata says that types end.
    """

    spans: dict[str, int]
    goroutine: GoroutineLayout
    swiss: bool
    sync_trie: bool
    types_end: int


_SPAN = {
    "span_size": 160, "span_start": 24, "span_npages": 32, "span_freeindex": 48, "span_nelems": 50,
    "span_count_bytes": 2, "span_alloc_bits": 64, "span_spanclass": 98, "span_state": 99,
    "span_elemsize": 104, "span_large_type": 152, "heap_bits_limit": 512,
}  # fmt: skip
# Inline mark bits of Green Tea: src/runtime/mgcmark_greenteagc.go, spanInlineMarkBits.
_GREEN_TEA_BYTES = 128

_GOROUTINES = {
    22: GoroutineLayout(56, 144, 152),
    23: GoroutineLayout(56, 152, 160),
    24: GoroutineLayout(56, 152, 160),
    25: GoroutineLayout(56, 144, 152),
    26: GoroutineLayout(56, 144, 152),
    27: GoroutineLayout(56, 144, 152),
}


def layout_of(build: GoBuild) -> Layout:
    """Return the layout of a program built so; TargetUnsupported for a version never looked at."""
    if build.minor > NEWEST_MINOR:
        raise TargetUnsupported(
            build.version, f"this mapmedic knows Go up to 1.{NEWEST_MINOR}; a newer one is needed"
        )
    if build.minor < OLDEST_MINOR:
        raise TargetUnsupported(build.version, f"Go before 1.{OLDEST_MINOR} is not read from memory")
    green_tea = build.has("greenteagc", since=26)
    return Layout(
        spans={**_SPAN, "inline_mark_bytes": _GREEN_TEA_BYTES if green_tea else 0},
        goroutine=_GOROUTINES[build.minor],
        swiss=build.has("swissmap", since=24),
        sync_trie=build.has("synchashtriemap", since=24),
        types_end=312 if build.minor >= 27 else 304,
    )
