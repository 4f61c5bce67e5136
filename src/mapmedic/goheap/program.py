"""Where the linker put a Go program's code, variables and tables: found by what they look like, without symbols."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.memory.reader import Address, Memory

# src/runtime/symtab.go, pcHeader: magic of Go 1.20 and up, two zeros, the instruction size quantum, the pointer size.
_PCLNTAB = bytes((0xF1, 0xFF, 0xFF, 0xFF, 0, 0, 1, 8))
_FUNCNAME_OFFSET = 32
# moduledata, the part that has not moved from Go 1.20 to 1.27.
_TEXT, _NOPTRDATA, _DATA, _BSS, _NOPTRBSS_END, TYPES = 176, 192, 208, 224, 248, 296
_MODULE_BYTES = 640
_MASKS_FROM = 320
# More than any slice that is looked for: the list of heap spans of a heap of 100 TB.
MOST_ELEMENTS = 1 << 24


@dataclass(frozen=True, slots=True)
class Section:
    """Global variables with pointers: [start, end), and which words are pointers (one bit each)."""

    start: Address
    end: Address
    mask: bytes


def find_module(memory: Memory) -> Address:
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


def text_of(memory: Memory, module: Address) -> tuple[Address, Address]:
    """Return [start, end) of the code of ``module``."""
    start, end = memory.words(module + _TEXT, "2Q") or (0, 0)
    return Address(start), Address(end)


def variables_of(memory: Memory, module: Address) -> tuple[Address, Address]:
    """Return [start, end) of all global variables: those without pointers lie before and behind the others."""
    start, end = (memory.word(module + place) or 0 for place in (_NOPTRDATA, _NOPTRBSS_END))
    return Address(start), Address(end)


def sections_of(memory: Memory, module: Address) -> tuple[Section, ...]:
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


class Globals:
    """All words of the global variables, and the slices among them; HeapUnreadable where they cannot be read."""

    def __init__(self, memory: Memory, module: Address) -> None:
        self.memory = memory
        self.start = memory.word(module + _DATA) or 0
        end = memory.word(module + _NOPTRBSS_END) or 0
        raw = memory.read(self.start, end - self.start) if 0 < end - self.start < 1 << 32 else None
        if raw is None:
            raise HeapUnreadable("the program's global variables cannot be read")
        self.words = np.frombuffer(raw, dtype="<u8", count=len(raw) // 8)

    @property
    def range(self) -> tuple[Address, Address]:
        """Return [start, end) of the variables, those without pointers included."""
        return Address(self.start), Address(self.start + self.words.size * 8)

    def slices(self, least: int) -> Iterator[tuple[int, int, int]]:
        """Yield (address of the variable, address of the array, length) of what may be a slice of pointers."""
        pointer, length, capacity = self.words[:-2], self.words[1:-1], self.words[2:]
        plausible = (
            (length >= least) & (length <= capacity) & (capacity < MOST_ELEMENTS)
            & (pointer > 4096) & (pointer < 1 << 47) & (pointer % 8 == 0)
        )  # fmt: skip
        for index in np.nonzero(plausible)[0].tolist():
            yield self.start + index * 8, int(pointer[index]), int(length[index])
