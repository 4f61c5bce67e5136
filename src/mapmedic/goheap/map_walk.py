"""Where the entries of a map lie: its tables or chains of buckets, and which of their slots hold something.

Upstream: src/internal/runtime/maps/table.go (from Go 1.24), src/runtime/map.go (mapaccess1, evacuated).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.slots import SlotLayout
from mapmedic.memory.reader import Memory

SLOTS = 8
# Swiss: a control byte without this bit is that of an entry. Classic: a top hash from 5 on.
VACANT, MIN_TOP_HASH = 0x80, 5
# Classic, of the first top hash of a bucket: its entries were moved.
_EVACUATED = range(2, MIN_TOP_HASH)
_DIRECTORY, _OLD, _FLAGS, _B, _SAME_SIZE = 16, 24, 8, 9, 8
# table: used, capacity, growthLeft, localDepth, index, groups, lengthMask.
TABLE = struct.Struct("<HHHBxQQQ")
_WORD, _MOST_B, _MOST_DIRECTORY, _MOST_CHAIN = 8, 40, 1 << 22, 1 << 16


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a Swiss map: where it stands in the directory, its own address, its ``count`` groups.

    ``place`` is -1, and ``address`` 0, for the one group of a small map.
    """

    place: int
    address: int
    groups: int
    count: int


@dataclass(frozen=True, slots=True)
class Chain:
    """One classic bucket and those that overflow it; ``is_old``: of the array that the map grows out of."""

    buckets: tuple[int, ...]
    is_old: bool


Part = Table | Chain


@dataclass(frozen=True, slots=True, eq=False)
class Occupied:
    """The slots that hold entries, as columns: which of ``parts``, the address of the group or bucket, the slot in it.

    ``header``: what the map's header was.
    """

    header: bytes
    parts: tuple[Part, ...]
    part: NDArray[np.int64]
    group: NDArray[np.uint64]
    slot: NDArray[np.int64]


def walk_map(memory: Memory, address: int, header_bytes: int, layout: SlotLayout) -> Occupied:
    """Return the occupied slots of the map with its header at ``address``; HeapUnreadable where they cannot be read."""
    header = _read(memory, address, header_bytes)
    found = _swiss(memory, header, layout) if layout.swiss else _classic(memory, header, layout)
    groups = [np.full(len(each[1]), number) for number, each in enumerate(found)]
    return Occupied(
        header,
        tuple(each[0] for each in found),
        np.concatenate([*groups, np.empty(0)]).astype(np.int64),
        np.concatenate([*(each[1] for each in found), np.empty(0)]).astype(np.uint64),
        np.concatenate([*(each[2] for each in found), np.empty(0)]).astype(np.int64),
    )


_Found = tuple[Part, NDArray[np.uint64], NDArray[np.int64]]


def _swiss(memory: Memory, header: bytes, layout: SlotLayout) -> list[_Found]:
    directory, length = struct.unpack_from("<2Q", header, _DIRECTORY)
    if directory == 0:
        return []
    if length == 0:
        return [_groups(memory, Table(-1, 0, directory, 1), layout)]
    if length > _MOST_DIRECTORY:
        raise HeapUnreadable(f"a map with {length:,} tables")
    tables = np.frombuffer(_read(memory, directory, length * _WORD), dtype="<u8")
    # A table that has not split yet stands in several places, one behind the other.
    first = np.flatnonzero(np.concatenate([[True], tables[1:] != tables[:-1]]))
    found = []
    for place in first.tolist():
        address = int(tables[place])
        *_, groups, mask = TABLE.unpack(_read(memory, address, TABLE.size))
        if mask >= 1 << 20:
            raise HeapUnreadable(f"a table with {mask + 1:,} groups at {address:#x}")
        found.append(_groups(memory, Table(place, address, groups, mask + 1), layout))
    return found


def _groups(memory: Memory, table: Table, layout: SlotLayout) -> _Found:
    raw = _rows(memory, table.groups, table.count, layout.group_bytes)
    group, slot = np.nonzero(raw[:, :SLOTS] < VACANT)
    return table, table.groups + group.astype(np.uint64) * np.uint64(layout.group_bytes), slot


def _classic(memory: Memory, header: bytes, layout: SlotLayout) -> list[_Found]:
    buckets, old = struct.unpack_from("<2Q", header, _DIRECTORY)
    log, flags = header[_B], header[_FLAGS]
    if log > _MOST_B:
        raise HeapUnreadable(f"a map with 2^{log} buckets")
    found = _chains(memory, buckets, 1 << log, layout, is_old=False) if buckets else []
    if old:
        old_log = log if flags & _SAME_SIZE else max(0, log - 1)
        found += _chains(memory, old, 1 << old_log, layout, is_old=True)
    return found


def _chains(memory: Memory, start: int, count: int, layout: SlotLayout, *, is_old: bool) -> list[_Found]:
    raw = _rows(memory, start, count, layout.group_bytes)
    heads = raw[:, :SLOTS]
    over = raw[:, -_WORD:].copy().view("<u8")[:, 0]
    moved = np.isin(heads[:, 0], _EVACUATED)
    holding = (heads >= MIN_TOP_HASH).any(axis=1) | (over != 0)
    found: list[_Found] = []
    for index in np.flatnonzero(holding & ~moved).tolist():
        chain, tops = [start + index * layout.group_bytes], [heads[index]]
        following = int(over[index])
        while following:
            if len(chain) > _MOST_CHAIN:
                raise HeapUnreadable(f"a chain of buckets without an end at {chain[0]:#x}")
            bucket = _read(memory, following, layout.group_bytes)
            chain.append(following)
            tops.append(np.frombuffer(bucket, dtype="u1", count=SLOTS))
            following = int.from_bytes(bucket[-_WORD:], "little")
        place, slot = np.nonzero(np.array(tops) >= MIN_TOP_HASH)
        found.append((Chain(tuple(chain), is_old), np.array(chain, dtype=np.uint64)[place], slot))
    return found


def _rows(memory: Memory, start: int, count: int, width: int) -> NDArray[np.uint8]:
    return np.frombuffer(_read(memory, start, count * width), dtype="u1").reshape(count, width)


def _read(memory: Memory, address: int, size: int) -> bytes:
    raw = memory.read(address, size)
    if raw is None:
        raise HeapUnreadable(f"{size:,} bytes of a map at {address:#x} cannot be read")
    return raw
