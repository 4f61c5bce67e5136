"""Iterators of one map: where its header's address stands behind that of its type, with what only an iterator has.

Upstream: src/runtime/map.go (hiter), src/internal/runtime/maps/table.go (Iter). Both begin with key, elem, type, map;
an interface or a reflect.Value that holds the map has the same two words side by side, and nothing of the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.runtime import Runtime
from mapmedic.memory.reader import Place

_WORD = 8
_LEAST_POINTER, _MOST_POINTER = 1 << 16, 1 << 47
# From the start of an iterator to its word with the map's address; how much of one is read.
_MAP, _BYTES = 24, 96
# hiter: buckets 32, startBucket 64, offset 72, wrapped 73, B 74, i 75, bucket 80.
_SLOTS = 8
# Iter: clearSeq 48, globalDepth 56, dirIdx 64. In the header: dirLen 24, globalDepth 32, clearSeq 40; B 9.
_HEADER_B = 9


@dataclass(frozen=True, slots=True)
class IteratorTest:
    """Tells iterators of the map at ``map`` from other things. ``types``: [start, end) of type descriptors."""

    shape: HeaderShape
    map: int
    map_type: int
    types: tuple[int, int]

    @classmethod
    def of(cls, runtime: Runtime, header: int, map_type: int = 0) -> IteratorTest:
        """Return it for the map at ``header``; ``map_type``, where known: reflection's own lie elsewhere."""
        types = int(runtime.types), int(runtime.types_end)
        return cls(HeaderShape.of(runtime.layout), header, map_type, types)

    def candidates(self, words: Iterable[tuple[int, int]]) -> list[int]:
        """Return where to look, of ``words`` (address of a word that holds the map, the word before)."""
        low, high = self.types
        return [at for at, before in words if before == self.map_type != 0 or low <= before < high]

    def place(self, word: int) -> Place:
        """Return what is to be read of the iterator whose word with the map is at ``word``."""
        return word - _MAP, _BYTES

    def is_live(self, header: bytes, raw: bytes | None) -> bool:
        """Tell whether ``raw`` is an iterator that has not come to its end; what cannot be read may be one.

        One that has says so with no key.
        """
        if raw is None:
            return True
        key, elem, type_, map_ = struct.unpack_from("<4Q", raw)
        low, high = self.types
        is_begun = all(_LEAST_POINTER <= each < _MOST_POINTER for each in (key, elem))
        if not is_begun or map_ != self.map or not (type_ == self.map_type or low <= type_ < high):
            return False
        return _fits_swiss(header, raw) if self.shape.swiss else _fits_classic(header, raw)


def _fits_swiss(header: bytes, raw: bytes) -> bool:
    clears, depth, index = struct.unpack_from("<QB7xq", raw, 48)
    (length,) = struct.unpack_from("<Q", header, 24)
    (now,) = struct.unpack_from("<Q", header, 40)
    return bool(clears <= now and depth <= header[32] and -1 <= index <= length)


def _fits_classic(header: bytes, raw: bytes) -> bool:
    (buckets,) = struct.unpack_from("<Q", raw, 32)
    start, offset, wrapped, bits, slot, bucket = struct.unpack_from("<Q4B4xQ", raw, 64)
    if buckets == 0 or buckets % _WORD or bits > header[_HEADER_B]:
        return False
    return bool(
        start < 1 << bits and bucket <= 1 << bits and offset < _SLOTS and wrapped <= 1 and slot <= _SLOTS
    )
