"""Turn the header of a map into that of an empty one: which bytes become which.

A map is emptied by one change, which the kernel makes in one go where it is within one page. In no order of single
words is the map valid after each: its count, the size of its table and the table lie in different words, and an insert
or a lookup in between would find entries that are not counted, or none of the table. docs/concepts/live-write-safety.md
has the argument. Upstream: src/runtime/map.go (hmap, mapassign), src/internal/runtime/maps/map.go (Map, PutSlot).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mapmedic.goheap.layouts import Layout
from mapmedic.model.change import PAGE, Change
from mapmedic.model.safe_moment import Hindrance, Unsafe

_WORD = 8
# hmap: count, flags, B, noverflow, hash0, buckets, oldbuckets, nevacuate, [clearSeq,] extra.
_FLAGS, _B, _HASH0, _BUCKETS, _CLASSIC_CLEARS = 8, 9, 12, 16, 40
_HASH_WRITING, _MOST_B = 4, 48
# maps.Map: used, seed, dirPtr, dirLen, globalDepth, globalShift, writing, tombstonePossible, clearSeq.
_SEED, _DIRECTORY, _WRITING, _CLEARS = 8, 16, 34, 40
_SMALL_SLOTS, _SHIFT_BITS, _MOST_DEPTH = 8, 64, 32
_SWISS_BYTES = 48


@dataclass(frozen=True, slots=True)
class HeaderShape:
    """How the header of a map is laid out."""

    swiss: bool
    size_bytes: int

    @classmethod
    def of(cls, layout: Layout) -> HeaderShape:
        """Return it for a version and its experiments: the last word of a classic header is ``extra``."""
        return cls(layout.swiss, _SWISS_BYTES if layout.swiss else layout.spans["map_extra"] + _WORD)

    def lies_on_two_pages(self, address: int) -> bool:
        """Tell whether the header at ``address`` does."""
        return address % PAGE + self.size_bytes > PAGE

    def entries(self, header: bytes) -> int:
        """Return what ``len`` says: the first word in both designs."""
        return int.from_bytes(header[:_WORD], "little")

    def seed(self, header: bytes) -> bytes:
        """Return what every map draws at random when it is made or cleared, and a copy of it has too."""
        return header[_SEED:_DIRECTORY] if self.swiss else header[_HASH0:_BUCKETS]

    def is_being_written(self, header: bytes) -> bool:
        """Tell whether an operation that changes the map is under way."""
        return bool(header[_WRITING]) if self.swiss else bool(header[_FLAGS] & _HASH_WRITING)

    def is_plausible(self, header: bytes) -> bool:
        """Tell whether ``header`` can be that of a map between two operations."""
        if len(header) != self.size_bytes or self.entries(header) >> 48:
            return False
        return _is_swiss(header) if self.swiss else _is_classic(header)

    def emptied(self, header: bytes) -> bytes:
        """Return the header of the same map without an entry and without a table: what an insert makes one for.

        The seed stays; a clear is counted, so that an iterator that began before sees it.
        """
        if self.swiss:
            (clears,) = struct.unpack_from("<Q", header, _CLEARS)
            return bytes(_WORD) + header[_SEED:_DIRECTORY] + bytes(_CLEARS - _DIRECTORY) + _one_more(clears)
        head = bytes(_HASH0) + header[_HASH0:_BUCKETS] + bytes(_CLASSIC_CLEARS - _BUCKETS)
        if self.size_bytes == _CLASSIC_CLEARS + _WORD:
            return head + bytes(_WORD)
        return head + _one_more(*struct.unpack_from("<Q", header, _CLASSIC_CLEARS)) + bytes(_WORD)


def plan_reset(shape: HeaderShape, address: int, header: bytes) -> tuple[Change, ...] | Unsafe:
    """Return what empties the map at ``address``: one change, or none for a map that is empty and has no table.

    Two where the header lies on two pages: half of it would be no map, so these belong together. Unsafe where the
    header is none between two operations.
    """
    if not shape.is_plausible(header):
        return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {address:#x} is no header of a map any more")
    if shape.is_being_written(header):
        return Unsafe(Hindrance.BEING_WRITTEN, "the map says that it is being written")
    new = shape.emptied(header)
    if shape.entries(header) == 0 and header[_DIRECTORY:][:_WORD] == bytes(_WORD):
        return ()
    differ = [
        at for at in range(0, shape.size_bytes, _WORD) if header[at : at + _WORD] != new[at : at + _WORD]
    ]
    first, behind = differ[0], differ[-1] + _WORD
    return Change(address + first, header[first:behind], new[first:behind]).by_page


def _one_more(count: int) -> bytes:
    return struct.pack("<Q", (count + 1) & (1 << 64) - 1)


def _is_classic(header: bytes) -> bool:
    buckets, old = struct.unpack_from("<2Q", header, _BUCKETS)
    empty = int.from_bytes(header[:_WORD], "little") == 0
    return header[_B] <= _MOST_B and buckets % _WORD == 0 == old % _WORD and (buckets != 0 or empty)


def _is_swiss(header: bytes) -> bool:
    used, _, directory, length, depth, shift, writing, tombstones = struct.unpack_from("<4Q4B", header)
    if writing > 1 or tombstones > 1 or directory % _WORD or depth > _MOST_DEPTH:
        return False
    if length == 0:
        return bool(used <= _SMALL_SLOTS and depth == 0 and (directory != 0 or used == 0))
    return bool(length == 1 << depth and shift == _SHIFT_BITS - depth and directory != 0)
