"""The memory that is a map's own, as places and not as entries: for a map of which nothing tells the types.

Nothing is followed but what makes up the map: directory and tables (src/internal/runtime/maps/map.go, table.go),
buckets, those that it grows out of and those that overflow (src/runtime/map.go). Keys and values that lie elsewhere
stay unread. What lies about its size, or leads in a circle, ends at a number of bytes that the caller says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.map_walk import TABLE
from mapmedic.memory.reader import Memory

# Of a header: dirPtr and dirLen, or buckets and oldbuckets; classic: flags (8 is sameSizeGrow) and B.
_PARTS, _FLAGS, _B, _SAME_SIZE = 16, 8, 9, 8
_WORD, _MOST_LOG, _LEAST_UNIT = 8, 40, 8
# maxTableCapacity is 1024 slots.
_MOST_GROUPS = 1024 // 8


class Role(StrEnum):
    """What a part of a map is to it."""

    HEADER = "header"
    DIRECTORY = "directory"
    TABLE = "table"
    GROUPS = "groups"
    BUCKETS = "buckets"
    OLD_BUCKETS = "old_buckets"
    OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class RawPart:
    """Bytes of a map that lie side by side; ``unit_bytes``: of one group or bucket among them, 0 for other parts."""

    role: Role
    address: int
    bytes: int
    unit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RawShape:
    """How a map's parts are to be read: of one group or bucket ``unit_bytes``, of all parts ``most_bytes``."""

    swiss: bool
    header_bytes: int
    unit_bytes: int
    most_bytes: int


def find_raw_parts(memory: Memory, address: int, shape: RawShape) -> tuple[RawPart, ...]:
    """Return all parts of the map with its header at ``address``, the header first.

    HeapUnreadable where one that leads to others cannot be read, or there are more than ``most_bytes``.
    """
    return tuple(_Walk(memory, shape).parts(address))


def swiss_arrays(memory: Memory, address: int, shape: RawShape) -> tuple[tuple[int, int], ...]:
    """Return (address, number of groups) of each array of groups of the Swiss map at ``address``."""
    walk = _Walk(memory, shape)
    found = list(walk.swiss(walk.read(address, shape.header_bytes)))
    return tuple((each.address, each.bytes // shape.unit_bytes) for each in found if each.role is Role.GROUPS)


@dataclass(slots=True)
class _Walk:
    memory: Memory
    shape: RawShape
    _spent: int = 0
    _links: set[int] = field(default_factory=set)

    def parts(self, address: int) -> Iterator[RawPart]:
        header = self.read(address, self.shape.header_bytes)
        yield self._part(Role.HEADER, address, self.shape.header_bytes)
        yield from self.swiss(header) if self.shape.swiss else self._classic(header)

    def swiss(self, header: bytes) -> Iterator[RawPart]:
        directory, length = struct.unpack_from("<2Q", header, _PARTS)
        if directory == 0:
            return
        if length == 0:
            yield self._units(Role.GROUPS, directory, 1)
            return
        yield self._part(Role.DIRECTORY, directory, length * _WORD)
        places = np.frombuffer(self.read(directory, length * _WORD), dtype="<u8")
        for table in dict.fromkeys(places.tolist()):  # one that has not split yet stands in several places
            *_, groups, mask = TABLE.unpack(self.read(table, TABLE.size))
            if mask >= _MOST_GROUPS:
                raise HeapUnreadable(f"a table with {mask + 1:,} groups at {table:#x}")
            yield self._part(Role.TABLE, table, TABLE.size)
            yield self._units(Role.GROUPS, groups, mask + 1)

    def _classic(self, header: bytes) -> Iterator[RawPart]:
        buckets, old = struct.unpack_from("<2Q", header, _PARTS)
        log = header[_B]
        if log > _MOST_LOG:
            raise HeapUnreadable(f"a map with 2^{log} buckets")
        if buckets:
            yield from self._chained(Role.BUCKETS, buckets, 1 << log)
        if old:
            old_log = log if header[_FLAGS] & _SAME_SIZE else max(0, log - 1)
            yield from self._chained(Role.OLD_BUCKETS, old, 1 << old_log)

    def _chained(self, role: Role, start: int, count: int) -> Iterator[RawPart]:
        unit = self.shape.unit_bytes
        yield self._units(role, start, count)
        rows = np.frombuffer(self.read(start, count * unit), dtype="u1").reshape(count, unit)
        links = rows[:, -_WORD:].copy().view("<u8")[:, 0]
        for link in links[links != 0].tolist():
            following = int(link)
            while following:
                if following in self._links:
                    raise HeapUnreadable(f"a chain of buckets that leads back to {following:#x}")
                self._links.add(following)
                yield self._units(Role.OVERFLOW, following, 1)
                following = int.from_bytes(self.read(following, unit)[-_WORD:], "little")

    def _units(self, role: Role, address: int, count: int) -> RawPart:
        unit = self.shape.unit_bytes
        if unit < _LEAST_UNIT:
            raise HeapUnreadable("nothing tells how large its groups or buckets are")
        return self._part(role, address, count * unit, unit)

    def _part(self, role: Role, address: int, size: int, unit: int = 0) -> RawPart:
        self._spent += size
        if self._spent > self.shape.most_bytes:
            raise HeapUnreadable(f"a map of more than {self.shape.most_bytes:,} bytes")
        return RawPart(role, address, size, unit)

    def read(self, address: int, size: int) -> bytes:
        raw = self.memory.read(address, size) if size <= self.shape.most_bytes else None
        if raw is None:
            raise HeapUnreadable(f"{size:,} bytes of a map at {address:#x} cannot be read")
        return raw
