"""Iterators of a map that are alive: a {type, map} pair on a stack, in a reflect.MapIter, anywhere.

src/runtime/map.go hiter (up to Go 1.23) and src/internal/runtime/maps/table.go Iter (from 1.24) begin alike: key, elem,
type, map. An iterator is at its end, or was not begun, where its key is nil. What a loop that was left early leaves
behind on a stack looks alive until it is written over: too many are told, never too few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.stacks import Stacks
from mapmedic.memory.reader import Memory

_MAP, _BYTES = 24, 96
_LEAST_POINTER, _MOST_POINTER = 1 << 16, 1 << 47
_KIND, _KIND_MASK, _MAP_KIND = 23, (1 << 5) - 1, 21
# More words than these lead to one map only where something is wrong.
MOST_WORDS = 1 << 16


class IteratorPlace(StrEnum):
    """Where an iterator lies."""

    STACK = "stack"
    HEAP = "heap"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class MapIterator:
    """An iterator at ``address``; ``goroutine`` is whose stack that is on, None for none.

    ``functions`` are those of the frame that it lies in, the innermost inlined one first; empty where not known.
    """

    address: int
    place: IteratorPlace
    goroutine: int | None = None
    functions: tuple[str, ...] = ()


def iterators_on_stacks(memory: Memory, runtime: Runtime, stacks: Stacks, header: int) -> list[MapIterator]:
    """Return the iterators of the map at ``header`` on the used parts of all stacks, those of iter.Pull included."""
    found = [at for low, high in stacks.used() for at in _iterators(memory, runtime, header, low, high)]
    return [_on_stack(stacks, at) for at in found]


def iterators_elsewhere(heap: GoHeap, header: int) -> list[MapIterator]:
    """Return the iterators of the map at ``header`` in objects that are reached, and in global variables."""
    found: list[MapIterator] = []
    for at in _iterators(heap.memory, heap.runtime, header, 0, 1 << 47):
        if any(section.start <= at < section.end for section in heap.runtime.sections):
            found.append(MapIterator(at, IteratorPlace.GLOBAL))
        elif heap.stacks.index_at(at) is None and heap.survey.way_into(at):
            found.append(MapIterator(at, IteratorPlace.HEAP))
    return found


def _iterators(memory: Memory, runtime: Runtime, header: int, low: int, high: int) -> Iterator[int]:
    """Yield the address of each iterator whose word of the map lies in [low, high)."""
    plausible = _plausible_swiss if runtime.layout.swiss else _plausible_classic
    for word in memory.find(struct.pack("<Q", header), low, high, align=8, most=MOST_WORDS):
        raw = memory.read(word - _MAP, _BYTES)
        if raw is None:
            continue
        key, elem, type_ = struct.unpack_from("<3Q", raw)
        is_begun = all(_LEAST_POINTER <= each < _MOST_POINTER for each in (key, elem))
        if is_begun and plausible(raw) and _is_map_type(memory, runtime, type_):
            yield word - _MAP


def _plausible_classic(raw: bytes) -> bool:
    """Tell whether buckets, offset, wrapped, B and i (all behind the map) can be those of an iterator."""
    (buckets,) = struct.unpack_from("<Q", raw, 32)
    offset, wrapped, log_buckets, slot = raw[72:76]
    return buckets >= _LEAST_POINTER and offset < 8 and wrapped <= 1 and log_buckets < 64 and slot <= 8


def _plausible_swiss(raw: bytes) -> bool:
    """Tell whether globalDepth, dirIdx and tab can be those of an iterator."""
    depth, index, table = raw[56], *struct.unpack_from("<qQ", raw, 64)
    return depth < 64 and -1 <= index < _MOST_POINTER and (not table or table >= _LEAST_POINTER)


def _is_map_type(memory: Memory, runtime: Runtime, at: int) -> bool:
    if not runtime.types <= at < runtime.types_end:
        return False
    kind = memory.read(at + _KIND, 1)
    return kind is not None and kind[0] & _KIND_MASK == _MAP_KIND


def _on_stack(stacks: Stacks, at: int) -> MapIterator:
    index, frame = stacks.index_at(at), stacks.frame_at(at)
    goroutine = None if index is None else int(stacks.id[index])
    return MapIterator(at, IteratorPlace.STACK, goroutine, () if frame is None else frame.functions)
