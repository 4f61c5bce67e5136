"""What was read while the program ran is read again where it matters; what cannot be confirmed is left out.

A map is *quiet* where its header, and every word on the way to it from a root, are the same before and after the
reading: then what was read in between is the map's own, of moments that were. All others, and the largest of
the quiet ones, are read once more while the program stands still for a moment, and must agree with themselves.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.swiss_parts import HEADER_BYTES, Figures, SwissParts, read_parts
from mapmedic.memory.reader import Again, Place, ReadPlaces

# How many stops are made for maps that are in the middle of being written at each, how many maps are looked at in
# one, with how many tables at most.
_STOPS, _MOST_MAPS, _MOST_TABLES = 8, 512, 50_000
_LARGEST = 64
_SLOTS_PER_TABLE = 512
# Classic header (src/runtime/map.go, hmap): flags at 8 of which 8 is sameSizeGrow, B at 9, hash0 to oldbuckets from 12.
_SAME_SIZE_GROW = 8


@dataclass(frozen=True, slots=True)
class _Seen:
    """One map as it was read: its row, its header, the words that lead to it and what they held."""

    row: int
    address: int
    header: bytes
    words: tuple[int, ...]
    held: tuple[bytes, ...]
    on_stack: bool

    @property
    def places(self) -> list[Place]:
        return [*((word, 8) for word in self.words), (self.address, HEADER_BYTES)]

    def header_now(self, found: Sequence[bytes | None]) -> bytes | None:
        """Return its header of now out of what was found at its places; None where it is not there any more."""
        *words, header = found
        if tuple(words) != self.held or header is None:
            return None
        # Nothing leads to a header on a stack; its seed says whether it is the same map (hash0, seed).
        return None if self.on_stack and _seed(header) != _seed(self.header) else header


def recheck(heap: GoHeap, again: Again) -> GoHeap:
    """Return ``heap`` with the figures of each map confirmed, or with ``is_sound`` 0 where they are not."""
    seen = [each for row in range(len(heap.maps["address"])) if (each := _seen(heap, row)) is not None]
    columns = {name: column.copy() for name, column in heap.maps.items()}
    was_sound = columns["is_sound"].copy()
    columns["is_sound"][:] = 0
    by_size = sorted(seen, key=lambda each: -_size(heap, each))
    due = []
    for place, (each, header) in enumerate(zip(by_size, _look(again.read, by_size), strict=True)):
        quiet = bool(was_sound[each.row]) and header is not None and header == each.header
        columns["is_sound"][each.row] = quiet
        if header is not None and (not quiet or (place < _LARGEST and _group_type(heap, each, None))):
            due.append(each)
    for _ in range(_STOPS):
        due = _confirm(heap, again, due, columns) if due else due
    # Of a sync.Map nothing is looked at again.
    sync_maps = {**heap.sync_maps, "is_sound": np.zeros_like(heap.sync_maps["is_sound"])}
    return replace(heap, maps=columns, sync_maps=sync_maps)


def _seen(heap: GoHeap, row: int) -> _Seen | None:
    """Return what was read of the map in ``row``; None where nothing in memory leads to it."""
    address, on_stack = int(heap.maps["address"][row]), bool(heap.maps["is_on_stack"][row])
    words = () if on_stack else _words(heap, address)
    header = heap.memory.read(address, HEADER_BYTES)
    if words is None or header is None:
        return None
    held = [heap.memory.read(word, 8) for word in words]
    if None in held:
        return None
    return _Seen(row, address, header, words, tuple(each for each in held if each is not None), on_stack)


def _words(heap: GoHeap, address: int) -> tuple[int, ...] | None:
    """Return the addresses of the words that lead to ``address``, the root's own first."""
    way, words = heap.survey.way(address), heap.survey.way_words(address)
    if not way or words is None:
        return None
    root = int(heap.roots.addresses[way[0][1]])
    return (root, *words) if root else None


def _size(heap: GoHeap, each: _Seen) -> int:
    entries: int = struct.unpack_from("<Q", each.header)[0]
    return max(int(heap.maps["structure_bytes"][each.row]), 8 * entries)


def _look(read: ReadPlaces, maps: Sequence[_Seen]) -> list[bytes | None]:
    found = iter(read([place for each in maps for place in each.places]))
    return [each.header_now([next(found) for _ in each.places]) for each in maps]


def _confirm(heap: GoHeap, again: Again, due: list[_Seen], columns: dict[str, np.ndarray]) -> list[_Seen]:
    """Write down the figures of those maps that agree with themselves in one stop, and return the others."""
    now, later = _as_many_as_fit(heap, due)
    swiss = heap.runtime.layout.swiss

    def ask(read: ReadPlaces) -> tuple[list[bytes | None], list[SwissParts | None]]:
        headers = _look(read, now)
        return headers, read_parts(read, headers) if swiss else [None] * len(headers)

    found = again.read_standing(ask)
    if found is None:
        return [*now[: len(now) // 4], *later]  # too much for one stop: fewer in the next
    failed = []
    for each, header, parts in zip(now, *found, strict=True):
        figures = _figures(heap, each, header, parts)
        columns["is_sound"][each.row] = figures is not None
        if figures is None:
            failed.append(each)
            continue
        columns["entries"][each.row] = figures.entries
        columns["slots"][each.row] = figures.slots
        columns["structure_bytes"][each.row] = figures.structure_bytes
        columns["bucket_type"][each.row] = _group_type(heap, each, parts)
    return [*later, *failed]


def _figures(heap: GoHeap, each: _Seen, header: bytes | None, parts: SwissParts | None) -> Figures | None:
    if header is None:
        return None
    if not heap.runtime.layout.swiss:
        return _classic(heap, each, header)
    group = heap.types.size(_group_type(heap, each, parts))
    return None if parts is None or group is None else parts.figures(group)


def _as_many_as_fit(heap: GoHeap, due: list[_Seen]) -> tuple[list[_Seen], list[_Seen]]:
    tables = 0
    for number, each in enumerate(due[:_MOST_MAPS]):
        tables += 1 + struct.unpack_from("<Q", each.header)[0] // _SLOTS_PER_TABLE
        if tables > _MOST_TABLES and number:
            return due[:number], due[number:]
    return due[:_MOST_MAPS], due[_MOST_MAPS:]


def _group_type(heap: GoHeap, each: _Seen, parts: SwissParts | None) -> int:
    """Return the type of a map's groups: as it was told, or as the allocator wrote it down before the groups."""
    map_type, bucket_type = (int(heap.maps[name][each.row]) for name in ("map_type", "bucket_type"))
    told = bucket_type or heap.types.bucket_type(map_type)
    if told or parts is None or heap.types.map_name(0, parts.group_type) is None:
        return told
    return parts.group_type


def _classic(heap: GoHeap, each: _Seen, header: bytes) -> Figures | None:
    """A classic map keeps its buckets for as long as its header names the same; only its entries are of now."""
    slots = int(heap.maps["slots"][each.row])
    entries = struct.unpack_from("<Q", header)[0]
    same = (
        _buckets(header) == _buckets(each.header)
        and bool(heap.maps["is_sound"][each.row])
        and entries <= slots
    )
    return Figures(entries, slots, int(heap.maps["structure_bytes"][each.row])) if same else None


def _buckets(header: bytes) -> tuple[int, int, bytes]:
    return header[8] & _SAME_SIZE_GROW, header[9], header[12:32]


def _seed(header: bytes) -> bytes:
    """Return the hash seed: bytes 12 to 16 of a classic header are hash0, 8 to 16 of a Swiss one the seed."""
    return header[12:16]
