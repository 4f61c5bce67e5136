"""Where a Go process's RAM is: every mapping's resident bytes are put under one head, and the heads add up to VmRSS.

The heap is told by its spans, the program and other files by name. Anonymous memory beside the heap belongs to the
runtime where it describes spans, or where the runtime's own globals lead (words that the garbage collector does not
follow); the rest is the program's own: C's malloc, mappings, stacks of threads. The kernel joins neighbouring
mappings, so one of them can be both: a stretch of more than _UNIT between two places of the runtime is not the
runtime's (its largest pieces, heapArena of src/runtime/mheap.go and persistentChunk of malloc.go, are smaller).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.program import Section
from mapmedic.memory.reader import Extent, Memory
from mapmedic.model.inventory import Account

_PAGE = 4096
_ARENA = 1 << 26
_UNIT = 1 << 20
# moduledata: the start of all global variables, and their end (see runtime.py).
_FIRST_GLOBAL, _GLOBALS_END = 192, 248
# prctl(2), PR_SET_VMA_ANON_NAME: Go 1.25 and up names its mappings where the kernel can.
_NAMED = "[anon: Go: "


def take_account(heap: GoHeap) -> Account | None:
    """Return where the RAM of the process is; None where nobody says what was in RAM (a core)."""
    memory = heap.memory
    used = heap.survey.account(memory.image)
    if used is None or memory.rss_bytes is None:
        return None
    heads = dict.fromkeys(("arenas", "runtime", "program", "files", "off_heap"), 0)
    places = _Places.of(heap)
    for extent in memory.extents:
        for name, bytes_ in _heads_of(extent, memory, places):
            heads[name] += bytes_
    in_spans = sum(used.values())
    return Account(
        rss_bytes=memory.rss_bytes,
        live_bytes=used["live"],
        dead_bytes=used["dead"],
        room_bytes=used["room"],
        free_bytes=max(0, heads["arenas"] - in_spans),
        stack_bytes=used["stacks"],
        runtime_bytes=used["work"] + heads["runtime"],
        program_bytes=heads["program"],
        file_bytes=heads["files"],
        off_heap_bytes=heads["off_heap"],
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the heap's arenas are (their extents), and the numbers of pages that the runtime keeps itself."""

    arenas: frozenset[int]
    pages: np.ndarray

    @classmethod
    def of(cls, heap: GoHeap) -> _Places:
        memory = heap.memory
        spans = np.frombuffer(heap.survey.spans(), dtype="<u8")[::2]
        anonymous = [extent for extent in memory.extents if extent.is_anonymous]
        arenas = frozenset(_with_neighbours(anonymous, np.unique(spans // _ARENA).tolist()))
        described = np.frombuffer(heap.survey.metadata_pages(), dtype="<u8")
        led_to = _unfollowed_words(memory, heap.runtime.module, heap.runtime.sections) // np.uint64(_PAGE)
        return cls(arenas, np.unique(np.concatenate([described, led_to])))


def _with_neighbours(anonymous: Sequence[Extent], numbers: Iterable[int]) -> Iterable[int]:
    """Yield the starts of the extents that hold arenas, and of those that follow or precede them without a gap."""
    held = set(numbers)
    block: list[Extent] = []
    for extent in [*anonymous, None]:
        if extent is None or (block and block[-1].end != extent.start):
            if any(n in held for e in block for n in range(e.start // _ARENA, -(-e.end // _ARENA))):
                yield from (each.start for each in block)
            block = []
        if extent is not None:
            block.append(extent)


def _unfollowed_words(memory: Memory, module: int, sections: Sequence[Section]) -> np.ndarray:
    """Return the words of the global variables that are no pointers to the garbage collector."""
    start, end = memory.word(module + _FIRST_GLOBAL) or 0, memory.word(module + _GLOBALS_END) or 0
    raw = memory.read(start, end - start) if 0 < end - start < 1 << 32 else None
    words = np.frombuffer(raw or b"", dtype="<u8", count=len(raw or b"") // 8).copy()
    for section in sections:
        mask = np.unpackbits(np.frombuffer(section.mask, np.uint8), bitorder="little").astype(bool)
        first = (section.start - start) // 8
        part = words[max(0, first) : max(0, first) + (section.end - section.start) // 8]
        part[mask[: part.size]] = 0
    return np.unique(words[(words > _UNIT) & (words < 1 << 47)])


def _heads_of(extent: Extent, memory: Memory, places: _Places) -> Iterable[tuple[str, int]]:
    """Yield under which heads the resident bytes of a mapping go."""
    bytes_ = extent.resident_bytes or 0
    if extent.start in places.arenas:
        return (("arenas", bytes_),)
    start, end = memory.program
    if start <= extent.start < end:
        return (("program", bytes_),)
    if extent.name.startswith(_NAMED):
        return (("runtime", bytes_),)
    if not extent.is_anonymous:
        return (("files" if extent.inode else "off_heap", bytes_),)
    own = min(bytes_, _runtime_bytes(extent, memory, places.pages))
    return ("runtime", own), ("off_heap", bytes_ - own)


def _runtime_bytes(extent: Extent, memory: Memory, pages: np.ndarray) -> int:
    """Return how much of an anonymous mapping the runtime keeps, by the pages that are known to be its own."""
    first, last = np.searchsorted(pages, [extent.start // _PAGE, extent.end // _PAGE])
    known = pages[first:last] * np.uint64(_PAGE)
    if not known.size:
        return 0
    places = [extent.start, *known.tolist(), extent.end]
    own = 0
    for at, next_ in pairwise(places):
        if next_ - at <= _UNIT:
            own += memory.image.resident_bytes(at, next_ - at) or 0
        elif at != extent.start:
            own += memory.image.resident_bytes(at, _PAGE) or 0
    return own
