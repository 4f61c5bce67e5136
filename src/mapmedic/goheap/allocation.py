"""What the runtime has counted of its own allocating, and how much of the garbage once was arrays of maps."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_sizes import allocated_bytes
from mapmedic.memory.reader import Memory, ReadPlaces
from mapmedic.model.inventory import AllocationCounters, Garbage, MapArrays, SnapshotMode

# src/runtime/mheap.go: mheap.sweepgen lies before mheap.allspans, and each collection adds two to it.
_SWEEPGEN_BEFORE, _PER_COLLECTION = 8, 2
_PAGE = 8192
# src/runtime/mgcpacer.go, gcControllerState, from heapInUse on: heapReleased, heapFree, totalAlloc, totalFree,
# mappedReady.
_FREE, _ALLOCATED, _FREED, _MAPPED = 2, 3, 4, 5
_WORD, _WORDS = 8, 5
# What lies in the caches of the Ps is not counted yet.
_MOST_CACHED, _MOST_CACHED_SHARE = 16 << 20, 0.1
# Smaller arrays are those of maps made for one value.
_LEAST_ARRAY_BYTES = 4096


def read_counters(heap: GoHeap) -> AllocationCounters | None:
    """Return what the runtime has counted since the program began; None where it was not found, or may have moved."""
    places = find_figures(heap)
    figures = places.read(heap.memory.read_all) if places else None
    if figures is None:
        return None
    return AllocationCounters(figures.collections, figures.allocated_bytes, figures.freed_bytes)


@dataclass(frozen=True, slots=True)
class HeapFigures:
    """What the runtime says of its heap at a moment, as runtime.MemStats has it."""

    collections: int
    in_use_bytes: int
    released_bytes: int
    free_bytes: int
    allocated_bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class FigurePlaces:
    """Where these lie: ``controller`` is gcController from heapInUse on, ``sweepgen`` that of the heap."""

    controller: int
    sweepgen: int

    def read(self, read: ReadPlaces) -> HeapFigures | None:
        """Return what they say; while the process runs they are of nearly one moment."""
        words, generation = read([(self.controller, _WORD * _WORDS), (self.sweepgen, 4)])
        if words is None or generation is None:
            return None
        collections = int.from_bytes(generation, "little") // _PER_COLLECTION
        return HeapFigures(collections, *struct.unpack(f"<{_WORDS}Q", words))


def find_figures(heap: GoHeap) -> FigurePlaces | None:
    """Return where the runtime counts; None where that was not found, or memory is of no single moment.

    gcController has no name in a stripped program. Its words are those of which the first is the bytes of all spans,
    and the bytes allocated less those freed are what the spans hold.
    """
    if heap.memory.how is SnapshotMode.LIVE:
        return None
    runtime = heap.runtime
    at = _find_controller(heap.memory, runtime.variables, runtime.pages_in_use * _PAGE, heap.totals)
    return None if at is None else FigurePlaces(at, runtime.mheap_spans - _SWEEPGEN_BEFORE)


def _find_controller(
    memory: Memory, variables: tuple[int, int], in_use: int, totals: dict[str, int]
) -> int | None:
    """Return where gcController is from heapInUse on; None where none or several places look like it."""
    start, end = variables
    raw = memory.read(start, end - start)
    words = np.frombuffer(raw or b"", dtype="<u8")
    counted = totals["allocated_bytes"]
    most = max(_MOST_CACHED, int(counted * _MOST_CACHED_SHARE))
    found = []
    for index in np.nonzero(words[:-_MAPPED] == in_use)[0].tolist():
        place = words[index : index + _MAPPED + 1]
        held = int(place[_ALLOCATED]) - int(place[_FREED])
        if held > 0 and abs(held - counted) <= most and int(place[_MAPPED]) >= in_use + int(place[_FREE]):
            found.append(start + index * _WORD)
    return found[0] if len(found) == 1 else None


def take_garbage(heap: GoHeap) -> Garbage | None:
    """Return what nothing leads to and is not swept yet; None of memory of no single moment."""
    if heap.memory.how is SnapshotMode.LIVE:
        return None
    bytes_ = heap.totals["allocated_bytes"] - heap.totals["reached_bytes"]
    return Garbage(bytes_, _map_arrays(heap))


def _map_arrays(heap: GoHeap) -> tuple[MapArrays, ...]:
    """Return the arrays among the garbage that are of the sizes of some live map's."""
    dropped = heap.survey.dropped_arrays(heap.memory.image, heap.runtime.layout.swiss)
    types, headers = heap.types, heap.runtime.layout.has_headers
    maps = heap.maps
    large = (maps["is_sound"] == 1) & (maps["structure_bytes"] >= _LEAST_ARRAY_BYTES)
    columns = (maps[name][large].tolist() for name in ("map_type", "bucket_type", "sized_as"))
    found: dict[str, MapArrays] = {}
    for map_type, bucket_type, sized_as in dict.fromkeys(zip(*columns, strict=True)):
        name = types.map_name(map_type, bucket_type)
        unit = types.size(bucket_type or types.bucket_type(map_type or sized_as))
        if name is None or unit is None:
            continue
        mine = [
            (bytes_, count) for units, bytes_, count in dropped
            if bytes_ >= _LEAST_ARRAY_BYTES
            and bytes_ == _array_bytes(units, unit[0], header=headers and unit[1] > 0, swiss=heap.runtime.layout.swiss)
        ]  # fmt: skip
        if mine:
            found[name] = MapArrays(
                name, sum(count for _, count in mine), sum(size * count for size, count in mine)
            )
    return tuple(sorted(found.values(), key=lambda each: (-each.bytes, each.type)))


def _array_bytes(units: int, unit_bytes: int, *, header: bool, swiss: bool) -> int:
    """Return what the allocator sets aside for ``units`` groups, or buckets: with those in stock (makeBucketArray)."""
    stock = 0 if swiss or units < 16 else units // 16
    return allocated_bytes((units + stock) * unit_bytes, header=header)
