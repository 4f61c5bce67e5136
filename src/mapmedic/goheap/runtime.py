"""Find the Go runtime in a process's memory without symbols and without debug information."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.build import GoBuild, read_build
from mapmedic.goheap.layouts import Layout, layout_of
from mapmedic.goheap.program import TYPES, Globals, Section, find_module, sections_of, text_of
from mapmedic.memory.reader import Address, Memory

# mheap.pagesInUse behind mheap.allspans.
PAGES_IN_USE = 24
_TRIED = 16
# Enough to weigh one list against another; src/runtime/mheap.go: mSpanInUse.
_WEIGHED, _IN_USE = 1024, 1
# src/runtime/runtime2.go: the states of a goroutine, and the bit set while its stack is scanned.
_LAST_STATUS, _SCAN_BIT = 11, 0x1000


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the runtime's own things are. ``types`` is the base of type and name offsets.

    ``mheap_spans`` is where mheap.allspans lies, the variable that leads to ``allspans``.

    ``allspans`` and ``allgs`` are arrays; ``text``: [start, end) of the code, ``variables``: of all global variables.
    ``arenas`` is the table of heap arenas, 0 where the heap bits lie elsewhere.
    """

    build: GoBuild
    layout: Layout
    module: Address
    types: Address
    types_end: Address
    text: tuple[Address, Address]
    sections: tuple[Section, ...]
    allspans: Address
    spans: int
    pages_in_use: int
    arenas: Address
    allgs: Address
    goroutines: tuple[Address, ...]
    variables: tuple[Address, Address]
    mheap_spans: Address


def find_runtime(memory: Memory) -> Runtime:
    """Return where the runtime is in ``memory``; TargetUnsupported or HeapUnreadable where it cannot be found."""
    build = read_build(memory)
    layout = layout_of(build)
    module = find_module(memory)
    sections = sections_of(memory, module)
    globals_ = Globals(memory, module)
    header, spans, count = _find_allspans(globals_, layout)
    allgs, goroutines = _find_goroutines(globals_, layout)
    return Runtime(
        build=build,
        layout=layout,
        module=module,
        types=Address(memory.word(module + TYPES) or 0),
        types_end=Address(memory.word(module + layout.types_end) or 0),
        text=text_of(memory, module),
        sections=sections,
        allspans=spans,
        spans=count,
        pages_in_use=memory.word(header + PAGES_IN_USE) or 0,
        arenas=Address(0 if layout.arenas is None else memory.word(header + layout.arenas) or 0),
        allgs=allgs,
        goroutines=goroutines,
        variables=globals_.range,
        mheap_spans=Address(header),
    )


def _find_allspans(globals_: Globals, layout: Layout) -> tuple[int, Address, int]:
    """Return (address of mheap_.allspans, of its array, its length): the slice with the most mspans in use.

    Length alone says little: the zeros in the headers of a program's own list of maps pass for spans not used yet.
    """
    memory = globals_.memory
    found = [
        (_spans_in_use(memory, layout, candidate), candidate) for candidate in globals_.slices(_TRIED)
        if all(_is_span(memory, layout, at) for at in _first(memory, candidate[1], _TRIED))
    ]  # fmt: skip
    in_use, (header, array, count) = max(
        found, key=lambda each: (each[0], each[1][2]), default=(0, (0, 0, 0))
    )
    if not in_use:
        raise HeapUnreadable("the list of heap spans was not found among the global variables")
    return header, Address(array), count


def _spans_in_use(memory: Memory, layout: Layout, candidate: tuple[int, int, int]) -> int:
    """Return how many of the first elements are spans in use whose objects fit into their pages."""
    at = layout.spans
    counts = "Q" if at["span_count_bytes"] == 8 else "H"
    in_use = 0
    for span in _first(memory, candidate[1], min(candidate[2], _WEIGHED)):
        raw = memory.read(span, at["span_size"])
        if raw is None or raw[at["span_state"]] != _IN_USE:
            continue
        start, pages = struct.unpack_from("<2Q", raw, at["span_start"])
        (objects,) = struct.unpack_from(f"<{counts}", raw, at["span_nelems"])
        (size,) = struct.unpack_from("<Q", raw, at["span_elemsize"])
        in_use += bool(start and start % 8192 == 0 and size and 0 < objects * size <= pages * 8192)
    return in_use


def _is_span(memory: Memory, layout: Layout, at: int) -> bool:
    head = memory.words(at + layout.spans["span_start"], "2Q")
    return head is not None and head[0] % 8192 == 0 and head[0] >> 47 == 0 and head[1] < 1 << 34


def _first(memory: Memory, array: int, count: int) -> tuple[int, ...]:
    return memory.words(array, f"{count}Q") or (0,)


def _find_goroutines(globals_: Globals, layout: Layout) -> tuple[Address, tuple[Address, ...]]:
    """Return (the array, every g in it): the longest slice that leads to stacks' bounds and places within them."""
    memory, found, where = globals_.memory, tuple[int, ...](), 0
    for _, array, length in globals_.slices(1):
        if length <= len(found):
            continue
        first = _first(memory, array, min(length, _TRIED))
        kinds = [_is_goroutine(memory, layout, at) for at in first]
        if None not in kinds and 2 * sum(map(bool, kinds)) > len(kinds):
            found, where = memory.words(array, f"{length}Q") or found, array
    if not found:
        raise HeapUnreadable("the list of goroutines was not found among the global variables")
    return Address(where), tuple(Address(at) for at in found)


def _is_goroutine(memory: Memory, layout: Layout, at: int) -> bool | None:
    """Tell whether a g with a stack of its own lies at ``at``; None where what lies there can be none at all."""
    g = layout.goroutine
    bounds, sp, status = (
        memory.words(at, "2Q"),
        memory.word(at + g.scheduled_sp),
        memory.words(at + g.status, "I"),
    )
    if bounds is None or sp is None or status is None or status[0] & ~_SCAN_BIT > _LAST_STATUS:
        return None
    low, high = bounds
    if low > high or high - low >= 1 << 31:
        return None
    return low < sp <= high
