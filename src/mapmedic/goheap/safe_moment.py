"""Decide, while every thread of a process stands still, whether one of its maps may be changed at this moment.

Everything that can be known before is prepared before (``watch_map``), so that the stop is short; in it, what costs
least is asked first. docs/concepts/live-write-safety.md says of each condition what it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.iterators import IteratorTest
from mapmedic.goheap.live_iterators import iterator_words_elsewhere
from mapmedic.goheap.locks import lock_place, why_taken
from mapmedic.goheap.stack_layouts import stack_layout
from mapmedic.goheap.stacks import End, Stacks, StackWords, readable_tables, stacks_of
from mapmedic.memory.reader import Place, ReadPlaces, ThreadState
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Hindrance, Moment, Safe, Unsafe

# Every function of the runtime that works on a map, by the beginning of its name: src/runtime/map*.go up to Go 1.23,
# src/internal/runtime/maps from 1.24, and what reflect and package maps call by linkname.
_OPERATIONS = (
    "runtime.map", "runtime.(*hmap)", "runtime.(*bmap)", "runtime.hashGrow", "runtime.growWork", "runtime.evacuate",
    "runtime.advanceEvacuationMark", "runtime.bucketEvacuated", "runtime.makeBucketArray", "runtime.moveToBmap",
    "internal/runtime/maps.", "reflect.map", "reflect.(*MapIter)", "maps.clone",
)  # fmt: skip
# src/runtime/mbarrier.go, mbitmap.go: these ask whether the write barrier is on, and name no other variable together.
_ASKS_BARRIER = ("runtime.typedmemmove", "runtime.bulkBarrierPreWrite")
_ALLGADD = "runtime.allgadd"
# Of what is seen while it runs, this is believed: any word of it was true a moment ago.
_SEEN_RUNNING = frozenset((Hindrance.COLLECTING, Hindrance.LOCKED, Hindrance.BEING_WRITTEN))
_MOST_STACK_BYTES = 256 << 20
_WORD = 8


class Standing(Protocol):
    """A process every thread of which stands still."""

    pid: int
    threads: tuple[ThreadState, ...]

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places``, None where it cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class MapWatch:
    """What to ask of one map at a moment, prepared while the process ran.

    ``way``: the words that lead to it from a global variable, and what they held. ``heap_iterators``: words of the
    heap that held its address as an iterator does. ``entries``, ``ends``: where the code of map operations lies.
    """

    address: int
    shape: HeaderShape
    locks: tuple[MapLock, ...]
    way: tuple[tuple[int, bytes], ...]
    phase: int
    barrier: int
    goroutines: int
    layout: dict[str, int]
    code: _native.GoCode
    entries: NDArray[np.uint64]
    ends: NDArray[np.uint64]
    iterators: IteratorTest
    heap_iterators: tuple[int, ...]


def watch_map(heap: GoHeap, address: int, locks: tuple[MapLock, ...]) -> MapWatch:
    """Return what to ask of the map at ``address``, which ``locks`` guard together.

    HeapUnreadable where not all that has to be asked was found.
    """
    rows = np.flatnonzero(heap.maps["address"] == address)
    if not len(rows) or heap.maps["is_on_stack"][rows[0]]:
        raise HeapUnreadable(f"there is no map on the heap with its header at {address:#x}")
    phase = find_gc_words(heap.memory).phase
    if phase is None:
        raise HeapUnreadable("where the runtime says whether it collects was not found")
    shape, code = HeaderShape.of(heap.runtime.layout), heap.stacks.code
    runtime = heap.runtime
    test = IteratorTest.of(runtime, address, int(heap.maps["map_type"][rows[0]]))
    operations = np.array(sorted(code.code_of(list(_OPERATIONS))), dtype="<u8").reshape(-1, 2)
    return MapWatch(
        address=address,
        shape=shape,
        locks=locks,
        way=_way(heap, address),
        phase=phase.address,
        barrier=_find_barrier(heap),
        goroutines=_find_list(heap),
        layout=stack_layout(runtime.build),
        code=code,
        entries=operations[:, 0].copy(),
        ends=operations[:, 1].copy(),
        iterators=test,
        heap_iterators=tuple(iterator_words_elsewhere(heap, test)),
    )


def glance(read: ReadPlaces, watch: MapWatch) -> Unsafe | None:
    """Return what forbids a change and can be seen while the process runs; None where a stop is worth it."""
    fixed = read(_places(watch))
    seen = _judge_words(watch, fixed, [held for _, held in watch.way])
    return seen if isinstance(seen, Unsafe) and seen.hindrance in _SEEN_RUNNING else None


def judge(standing: Standing, watch: MapWatch) -> Moment:
    """Return whether the map may be changed now; ``standing`` must last until that is done."""
    fixed = _places(watch)
    way = [(at, len(held)) for at, held in watch.way]
    beside = [watch.iterators.place(at) for at in watch.heap_iterators]
    found = standing.read((*fixed, *way, *beside))
    cheap = _judge_words(watch, found[: len(fixed)], found[len(fixed) : len(fixed) + len(way)])
    if isinstance(cheap, Unsafe):
        return cheap
    header = cheap.header
    for raw in found[len(fixed) + len(way) :]:
        if raw is not None and watch.iterators.is_live(header, raw):
            return Unsafe(Hindrance.ITERATOR, "an iterator of the map lives on the heap")
    stacks = _judge_stacks(standing, watch, header)
    return stacks if isinstance(stacks, Unsafe) else Safe(header, cheap.evidence + stacks)


def _places(watch: MapWatch) -> list[Place]:
    """Return the words of the collector, the header, the locks."""
    header = (watch.address, watch.shape.size_bytes)
    return [(watch.phase, 4), (watch.barrier, 4), header, *map(lock_place, watch.locks)]


def _judge_words(watch: MapWatch, fixed: Sequence[bytes | None], way: Sequence[bytes | None]) -> Moment:
    phase, barrier, header, *locks = fixed
    if phase != bytes(4) or barrier != bytes(4):
        return Unsafe(Hindrance.COLLECTING, "a collection is marking")
    if tuple(way) != tuple(held for _, held in watch.way):
        return Unsafe(Hindrance.MOVED, "what led to the map leads elsewhere now: look at it again")
    if header is None or not watch.shape.is_plausible(header):
        return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {watch.address:#x} is no header of a map any more")
    if watch.shape.is_being_written(header):
        return Unsafe(Hindrance.BEING_WRITTEN, "the map says that it is being written")
    said = ["no collection marks, and the write barrier is off", "the map is not being written"]
    for lock, raw in zip(watch.locks, locks, strict=True):
        taken = why_taken(lock, raw)
        if taken:
            return Unsafe(Hindrance.LOCKED, taken)
        said.append(f"the {lock.kind} at {lock.address:#x} is free")
    return Safe(header, tuple(said))


def _judge_stacks(standing: Standing, watch: MapWatch, header: bytes) -> tuple[str, ...] | Unsafe:
    pcs = np.array([each.instruction_pointer for each in standing.threads], dtype="<u8")
    if _within(pcs, watch).any():
        return Unsafe(Hindrance.IN_MAP_OPERATION, "a thread stands in a map operation")
    threads = [(each.id, int(each.stack_pointer), int(each.instruction_pointer)) for each in standing.threads]
    with readable_tables():
        columns = watch.code.unwind_standing(
            standing.pid, watch.layout, watch.goroutines, threads, _MOST_STACK_BYTES
        )
    if columns is None:
        return Unsafe(Hindrance.TOO_SLOW, "its goroutines have more stack than can be looked at in a stop")
    stacks = stacks_of(watch.code, columns)
    cut = np.flatnonzero((stacks.end != End.WHOLE) & (stacks.end != End.NO_STACK))
    if len(cut):
        who = int(stacks.id[cut[0]])
        return Unsafe(Hindrance.STACK_UNKNOWN, f"the stack of goroutine {who} cannot be followed now", who)
    inside = np.flatnonzero(np.isin(stacks.entry, watch.entries))
    if len(inside):
        who = int(stacks.id[int(np.searchsorted(stacks.frame_start, inside[0], side="right")) - 1])
        return Unsafe(Hindrance.IN_MAP_OPERATION, f"goroutine {who} is in a map operation", who)
    return _judge_iterators(standing, watch, header, stacks)


def _judge_iterators(
    standing: Standing, watch: MapWatch, header: bytes, stacks: Stacks
) -> tuple[str, ...] | Unsafe:
    for words in (stacks.certain, stacks.doubtful):
        holding = np.flatnonzero(words.word == watch.address)
        at, before = words.address[holding].tolist(), words.before[holding].tolist()
        candidates = watch.iterators.candidates(zip(at, before, strict=True))
        found = standing.read([watch.iterators.place(each) for each in candidates])
        for word, raw in zip(candidates, found, strict=True):
            if watch.iterators.is_live(header, raw):
                who = _whose(words, int(np.flatnonzero(words.address == word)[0]), stacks)
                return Unsafe(Hindrance.ITERATOR, f"goroutine {who} is iterating over the map", who)
    goroutines, frames = int((stacks.end == End.WHOLE).sum()), len(stacks.entry)
    return (
        f"none of {frames:,} frames of {goroutines:,} goroutines is of a map operation",
        f"no iterator of the map in {len(stacks.certain.word) + len(stacks.doubtful.word):,} words of stacks, nor in "
        f"the {len(watch.heap_iterators):,} places of the heap where one was",
    )


def _whose(words: StackWords, index: int, stacks: Stacks) -> int:
    return int(stacks.id[int(np.searchsorted(words.start, index, side="right")) - 1])


def _within(pcs: NDArray[np.uint64], watch: MapWatch) -> NDArray[np.bool_]:
    place = np.searchsorted(watch.entries, pcs, side="right").astype(np.int64) - 1
    inside: NDArray[np.bool_] = (place >= 0) & (pcs < watch.ends[np.maximum(place, 0)])
    return inside


def _way(heap: GoHeap, address: int) -> tuple[tuple[int, bytes], ...]:
    """Return the words that lead to the map, a root on a stack aside: that may be anything at the next moment."""
    way, words = heap.survey.way(address), heap.survey.way_words(address)
    if not way or words is None:
        raise HeapUnreadable(f"nothing leads to the map at {address:#x}")
    root = int(heap.roots.addresses[way[0][1]])
    low, high = heap.runtime.variables
    places = (root, *words) if low <= root < high else tuple(words)
    held = [heap.memory.read(place, _WORD) for place in places]
    if None in held:
        raise HeapUnreadable(f"what leads to the map at {address:#x} cannot be read")
    return tuple((place, each) for place, each in zip(places, held, strict=True) if each is not None)


def _find_barrier(heap: GoHeap) -> int:
    named = [heap.stacks.code.operands(name, *heap.runtime.variables) for name in _ASKS_BARRIER]
    found = set.intersection(*(set(each or ()) for each in named))
    if len(found) != 1:
        raise HeapUnreadable("where the runtime says whether the write barrier is on was not found")
    return found.pop()


def _find_list(heap: GoHeap) -> int:
    """Return the address of runtime.allgs."""
    named = heap.stacks.code.operands(_ALLGADD, *heap.runtime.variables) or ()
    expected = (heap.runtime.allgs, len(heap.runtime.goroutines))
    found = [at for at in named if heap.memory.words(at, "2Q") == expected]
    if len(found) != 1:
        raise HeapUnreadable("where the runtime keeps the list of goroutines was not found")
    return found[0]
