"""Iterators of a map that are alive: a {type, map} pair on a stack, in a reflect.MapIter, anywhere.

src/runtime/map.go hiter (up to Go 1.23) and src/internal/runtime/maps/table.go Iter (from 1.24) begin alike: key, elem,
type, map. An iterator is at its end, or was not begun, where its key is nil. What a loop that was left early leaves
behind on a stack looks alive until it is written over: too many are told, never too few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.iterators import IteratorTest
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.stacks import Stacks
from mapmedic.memory.reader import Memory

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
    test = IteratorTest.of(runtime, header)
    words = [at for low, high in stacks.used() for at in _words(memory, test, low, high)]
    return [_on_stack(stacks, at) for at in _alive(memory, test, words)]


def iterators_elsewhere(heap: GoHeap, header: int) -> list[MapIterator]:
    """Return the iterators of the map at ``header`` in objects that are reached, and in global variables."""
    test = IteratorTest.of(heap.runtime, header)
    return [
        MapIterator(at, IteratorPlace.GLOBAL if _is_global(heap, at) else IteratorPlace.HEAP)
        for at in _alive(heap.memory, test, iterator_words_elsewhere(heap, test))
    ]


def iterator_words_elsewhere(heap: GoHeap, test: IteratorTest) -> Iterator[int]:
    """Yield the words outside of stacks that hold the map behind a type, as an iterator does, begun or not.

    What nothing leads to is nobody's any more: garbage, stacks that were moved.
    """
    for at in _words(heap.memory, test, 0, 1 << 47):
        if _is_global(heap, at) or (heap.stacks.index_at(at) is None and heap.survey.way_into(at)):
            yield at


def _is_global(heap: GoHeap, at: int) -> bool:
    return any(section.start <= at < section.end for section in heap.runtime.sections)


def _words(memory: Memory, test: IteratorTest, low: int, high: int) -> list[int]:
    found = memory.find(struct.pack("<Q", test.map), low, high, align=8, most=MOST_WORDS)
    if len(found) == MOST_WORDS:
        raise HeapUnreadable(f"{MOST_WORDS:,} words lead to one map: too many to look for iterators")
    return test.candidates((at, memory.word(at - 8) or 0) for at in found)


def _alive(memory: Memory, test: IteratorTest, words: Iterable[int]) -> Iterator[int]:
    """Yield the address of each iterator, of which one of ``words`` holds the map, that has not come to its end."""
    header = memory.read(test.map, test.shape.size_bytes)
    for word in words if header is not None else ():
        place, size = test.place(word)
        raw = memory.read(place, size)
        if header is not None and raw is not None and test.is_live(header, raw):
            yield place


def _on_stack(stacks: Stacks, at: int) -> MapIterator:
    index, frame = stacks.index_at(at), stacks.frame_at(at)
    goroutine = None if index is None else int(stacks.id[index])
    return MapIterator(at, IteratorPlace.STACK, goroutine, () if frame is None else frame.functions)
