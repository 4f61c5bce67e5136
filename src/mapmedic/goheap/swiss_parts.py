"""The parts of Swiss maps read from a running program in one moment, and whether they agree with each other.

Upstream: src/internal/runtime/maps/map.go and table.go (Go 1.24 and up).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapmedic.goheap.map_sizes import allocated_bytes
from mapmedic.memory.reader import Place, ReadPlaces

HEADER_BYTES = 48
_TABLE_BYTES, _SLOTS, _MOST_IN_TABLE = 32, 8, 1024
_MOST_DIRECTORY = 1 << 20
# Control bytes of a slot that holds nothing: src/internal/runtime/maps/group.go.
_EMPTY, _DELETED = 0x80, 0xFE
# used, capacity, growthLeft, localDepth; index, groups, lengthMask.
_TABLE = np.dtype([
    ("used", "<u2"), ("capacity", "<u2"), ("growth_left", "<u2"), ("depth", "u1"), ("_", "u1"),
    ("index", "<u8"), ("groups", "<u8"), ("mask", "<u8"),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What a map holds: entries, slots, and the bytes of its own structure."""

    entries: int
    slots: int
    structure_bytes: int


@dataclass(frozen=True, slots=True)
class SwissParts:
    """The parts of one map. ``behind`` is what the header leads to: the directory, or a small map's control bytes.

    ``places``: in how many places of the directory each of the ``tables`` stands. ``group_type``: the word before the
    groups of the first table, where the allocator writes down the type of what has pointers (0: none).
    """

    header: bytes
    behind: bytes
    tables: bytes = b""
    places: tuple[int, ...] = ()
    group_type: int = 0

    def figures(self, group: tuple[int, int]) -> Figures | None:
        """Return what they say together, None where they contradict each other.

        ``group`` is the size of one group, and how many bytes of it may hold pointers.
        """
        entries, _, directory, length, depth, shift = struct.unpack_from("<4Q2B", self.header)
        if directory == 0:
            return Figures(0, 0, HEADER_BYTES) if entries == length == 0 else None
        bytes_, has_pointers = group[0], group[1] > 0
        if length == 0:
            own = HEADER_BYTES + allocated_bytes(bytes_, header=has_pointers)
            return Figures(entries, _SLOTS, own) if _full(self.behind) == entries and depth == 0 else None
        tables = np.frombuffer(self.tables, dtype=_TABLE)
        if length != 1 << depth or shift != 64 - depth or not self._agree(tables, depth):
            return None
        if int(tables["used"].sum()) != entries:
            return None
        own = HEADER_BYTES + allocated_bytes(length * 8, header=True)
        own += len(tables) * allocated_bytes(_TABLE_BYTES, header=True)
        for capacity, count in zip(*np.unique(tables["capacity"], return_counts=True), strict=True):
            own += int(count) * allocated_bytes(int(capacity) // _SLOTS * bytes_, header=has_pointers)
        return Figures(entries, int(tables["capacity"].sum(dtype=np.int64)), own)

    def _agree(self, tables: np.ndarray, depth: int) -> bool:
        """Tell whether each table has a possible size, and stands in just the places that its depth asks for."""
        capacity = tables["capacity"].astype(np.int64)
        sizes = (capacity >= _SLOTS) & (capacity <= _MOST_IN_TABLE) & (capacity & (capacity - 1) == 0)
        groups = tables["mask"] + np.uint64(1) == (capacity // _SLOTS).astype("<u8")
        local = tables["depth"].astype(np.int64)
        if not (sizes & groups & (local <= depth)).all():
            return False
        return bool((1 << (depth - local) == np.array(self.places)).all())


def _full(control: bytes) -> int | None:
    """Return how many of a group's slots hold an entry; None where these are no control bytes."""
    if any(byte > _EMPTY and byte != _DELETED for byte in control):
        return None
    return sum(byte < _EMPTY for byte in control)


def read_parts(read: ReadPlaces, headers: Sequence[bytes | None]) -> list[SwissParts | None]:
    """Return the parts of the maps with ``headers``, with three more reads; None where they cannot be read."""
    behind = read([_behind(header) for header in headers])
    directories = [_tables_in(*each) for each in zip(headers, behind, strict=True)]
    each_table = iter(read([(table, _TABLE_BYTES) for directory in directories for table in directory]))
    tables = [[next(each_table) for _ in directory] for directory in directories]
    types = read([_before_groups(own) for own in tables])
    found: list[SwissParts | None] = []
    for header, after, own, directory, type_ in zip(headers, behind, tables, directories, types, strict=True):
        if header is None or after is None or None in own:
            found.append(None)
            continue
        raw = b"".join(each for each in own if each is not None)
        places = tuple(directory.values())
        found.append(SwissParts(header, after, raw, places, int.from_bytes(type_ or b"", "little")))
    return found


def _before_groups(tables: Sequence[bytes | None]) -> Place:
    groups = struct.unpack_from("<Q", tables[0], 16)[0] if tables and tables[0] is not None else 0
    return (groups - 8, 8) if groups >= _SLOTS else (0, 0)


def _behind(header: bytes | None) -> Place:
    if header is None:
        return 0, 0
    directory, length = struct.unpack_from("<2Q", header, 16)
    if directory == 0 or length > _MOST_DIRECTORY:
        return 0, 0
    return directory, length * 8 or _SLOTS


def _tables_in(header: bytes | None, behind: bytes | None) -> dict[int, int]:
    """Return table -> in how many places of the directory it stands; none for a small map."""
    if header is None or behind is None or struct.unpack_from("<Q", header, 24)[0] == 0:
        return {}
    found, places = np.unique(np.frombuffer(behind, dtype="<u8"), return_counts=True)
    return dict(zip(found.tolist(), places.tolist(), strict=True))
