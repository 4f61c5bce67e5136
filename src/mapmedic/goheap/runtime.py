"""Find the Go runtime in a process's memory without symbols and without debug information."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.build import GoBuild, read_build
from mapmedic.goheap.layouts import Layout, layout_of
from mapmedic.memory.reader import Address, Memory

# src/runtime/symtab.go, pcHeader: magic of Go 1.20 and up, two zeros, the instruction size quantum, the pointer size.
_PCLNTAB = bytes((0xF1, 0xFF, 0xFF, 0xFF, 0, 0, 1, 8))
_FUNCNAME_OFFSET = 32
# moduledata, the part that has not moved from Go 1.20 to 1.27.
_TEXT, _DATA, _BSS, _NOPTRBSS_END, _TYPES = 176, 208, 224, 248, 296
_MODULE_BYTES = 640
_MASKS_FROM = 320
# mheap.pagesInUse behind mheap.allspans.
PAGES_IN_USE = 24
_MOST_SPANS = 1 << 24
_TRIED = 16
# Enough to weigh one list against another; src/runtime/mheap.go: mSpanInUse.
_WEIGHED, _IN_USE = 1024, 1
# src/runtime/runtime2.go: the states of a goroutine, and the bit set while its stack is scanned.
_LAST_STATUS, _SCAN_BIT = 11, 0x1000


@dataclass(frozen=True, slots=True)
class Section:
    """Global variables with pointers: [start, end), and which words are pointers (one bit each)."""

    start: Address
    end: Address
    mask: bytes


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the runtime's own things are. ``types`` is the base of type and name offsets.

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


def find_runtime(memory: Memory) -> Runtime:
    """Return where the runtime is in ``memory``; TargetUnsupported or HeapUnreadable where it cannot be found."""
    build = read_build(memory)
    layout = layout_of(build)
    module = _find_module(memory)
    sections = _sections(memory, module)
    globals_ = _Globals(memory, module)
    header, spans, count = _find_allspans(globals_, layout)
    allgs, goroutines = _find_goroutines(globals_, layout)
    return Runtime(
        build=build,
        layout=layout,
        module=module,
        types=Address(memory.word(module + _TYPES) or 0),
        types_end=Address(memory.word(module + layout.types_end) or 0),
        text=_text(memory, module),
        sections=sections,
        allspans=spans,
        spans=count,
        pages_in_use=memory.word(header + PAGES_IN_USE) or 0,
        arenas=Address(0 if layout.arenas is None else memory.word(header + layout.arenas) or 0),
        allgs=allgs,
        goroutines=goroutines,
        variables=(Address(globals_.start), Address(globals_.start + globals_.words.size * 8)),
    )


def _find_module(memory: Memory) -> Address:
    """Return the address of runtime.firstmoduledata: a word that leads to the pclntab, and one to its names."""
    start, end = memory.program
    for table in memory.find(_PCLNTAB, start, end, align=8):
        names = memory.word(table + _FUNCNAME_OFFSET)
        for module in memory.find(struct.pack("<Q", table), start, end, align=8):
            if names is not None and memory.word(module + 8) == table + names:
                return module
    raise HeapUnreadable(
        "the Go runtime was not found in the program's memory (packed, or changed by an obfuscator?)"
    )


def _text(memory: Memory, module: Address) -> tuple[Address, Address]:
    start, end = memory.words(module + _TEXT, "2Q") or (0, 0)
    return Address(start), Address(end)


def _sections(memory: Memory, module: Address) -> tuple[Section, ...]:
    """Return data and bss with their pointer masks: two bitvectors, one behind the other, of just that length."""
    head = memory.words(module + _DATA, "4Q")
    body = memory.words(module + _MASKS_FROM, f"{(_MODULE_BYTES - _MASKS_FROM) // 8}Q")
    if head is None or body is None:
        raise HeapUnreadable("the module's own description cannot be read")
    data, data_end, bss, bss_end = head
    lengths = ((data_end - data) // 8, (bss_end - bss) // 8)
    for place in range(len(body) - 3):
        found = (body[place] & 0xFFFFFFFF, body[place + 2] & 0xFFFFFFFF)
        if found == lengths:
            masks = [memory.read(body[place + 1 + 2 * i], (lengths[i] + 7) // 8) for i in (0, 1)]
            if masks[0] is not None and masks[1] is not None:
                return (
                    Section(Address(data), Address(data_end), masks[0]),
                    Section(Address(bss), Address(bss_end), masks[1]),
                )
    raise HeapUnreadable("the pointer masks of the global variables were not found")


class _Globals:
    """All words of the global variables, and the slices among them."""

    def __init__(self, memory: Memory, module: Address) -> None:
        self.memory = memory
        self.start = memory.word(module + _DATA) or 0
        end = memory.word(module + _NOPTRBSS_END) or 0
        raw = memory.read(self.start, end - self.start) if 0 < end - self.start < 1 << 32 else None
        if raw is None:
            raise HeapUnreadable("the program's global variables cannot be read")
        self.words = np.frombuffer(raw, dtype="<u8", count=len(raw) // 8)

    def slices(self, least: int) -> Iterator[tuple[int, int, int]]:
        """Yield (address of the variable, address of the array, length) of what may be a slice of pointers."""
        pointer, length, capacity = self.words[:-2], self.words[1:-1], self.words[2:]
        plausible = (
            (length >= least) & (length <= capacity) & (capacity < _MOST_SPANS)
            & (pointer > 4096) & (pointer < 1 << 47) & (pointer % 8 == 0)
        )  # fmt: skip
        for index in np.nonzero(plausible)[0].tolist():
            yield self.start + index * 8, int(pointer[index]), int(length[index])


def _find_allspans(globals_: _Globals, layout: Layout) -> tuple[int, Address, int]:
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


def _find_goroutines(globals_: _Globals, layout: Layout) -> tuple[Address, tuple[Address, ...]]:
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
