"""Decide, while every thread of a process stands still, whether one of its maps may be changed at this moment.

Everything that can be known before is prepared before (``watch_map``), so that the stop is short; in it, what costs
least is asked first. docs/concepts/live-write-safety.md says of each condition what it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.collector_watch import CollectorWatch
from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.iterator_moment import held_words, judge_iterators, words_stood_on
from mapmedic.goheap.iterators import IteratorTest
from mapmedic.goheap.leading_words import LeadingWords, leading_words, places_of, still_lead
from mapmedic.goheap.live_iterators import iterator_words_elsewhere
from mapmedic.goheap.lock_moments import judge_lock
from mapmedic.goheap.locks import lock_place
from mapmedic.goheap.stack_holder import StackHolder, judge_same, stack_holder
from mapmedic.goheap.stack_watch import StackWatch, Standing
from mapmedic.goheap.stacks import End, Stacks
from mapmedic.memory.reader import Address, Place, ReadPlaces
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Hindrance, Moment, Safe, Unsafe
from mapmedic.model.watched_word import CaughtWrite

# Every function of the runtime that works on a map, by the beginning of its name: src/runtime/map*.go up to Go 1.23,
# src/internal/runtime/maps from 1.24, and what reflect and package maps call by linkname.
_OPERATIONS = (
    "runtime.map", "runtime.(*hmap)", "runtime.(*bmap)", "runtime.hashGrow", "runtime.growWork", "runtime.evacuate",
    "runtime.advanceEvacuationMark", "runtime.bucketEvacuated", "runtime.makeBucketArray", "runtime.moveToBmap",
    "internal/runtime/maps.", "reflect.map", "reflect.(*MapIter)", "maps.clone",
)  # fmt: skip
# Of what is seen while it runs, this is believed: any word of it was true a moment ago.
SEEN_RUNNING = frozenset((Hindrance.COLLECTING, Hindrance.LOCKED, Hindrance.BEING_WRITTEN))


@dataclass(frozen=True, slots=True, eq=False)
class MapWatch:
    """What to ask of one map at a moment, prepared while the process ran.

    ``way``: the words that lead to it from a global variable, or from the stack of ``holder``; ``seed`` is its own.
    ``heap_iterators``: words of the heap that held its address as an iterator does. ``minds_iterators``: no iterator of
    it may be alive; where it may, the moment says what iterators and everybody else stand on.
    """

    address: int
    shape: HeaderShape
    locks: tuple[MapLock, ...]
    way: LeadingWords
    holder: StackHolder | None
    seed: bytes
    collector: CollectorWatch
    stacks: StackWatch
    iterators: IteratorTest
    heap_iterators: tuple[int, ...]
    minds_iterators: bool = True

    def glance(self, read: ReadPlaces) -> Unsafe | None:
        """Return what forbids a change and can be seen while the process runs; None where a stop is worth it."""
        fixed = read(_places(self))
        seen = _judge_words(self, fixed, [held for _, held in self.way], ())
        return seen if isinstance(seen, Unsafe) and seen.hindrance in SEEN_RUNNING else None

    def judge(self, standing: Standing) -> Moment:
        """Return whether the map may be changed now; ``standing`` must last until that is done."""
        fixed, way = _places(self), places_of(self.way)
        beside = [self.iterators.place(at) for at in self.heap_iterators]
        found = standing.read((*fixed, *way, *beside))
        led = found[len(fixed) : len(fixed) + len(way)]
        cheap = _judge_words(self, found[: len(fixed)], led, standing.writes)
        if isinstance(cheap, Unsafe):
            return cheap
        header = cheap.header
        on_heap = [raw for raw in found[len(fixed) + len(way) :] if raw is not None]
        alive = [raw for raw in on_heap if self.iterators.is_live(header, raw)]
        if alive and self.minds_iterators:
            return Unsafe(Hindrance.ITERATOR, "an iterator of the map lives on the heap")
        return self._judge_stacks(standing, cheap, alive)

    def _judge_stacks(self, standing: Standing, cheap: Safe, alive: Sequence[bytes]) -> Moment:
        """Go on where no word forbids it; ``alive`` are the iterators in the places where there was one."""
        stacks = self.stacks.look(standing)
        if isinstance(stacks, Unsafe):
            return stacks
        same = judge_same(self.holder, self.seed, self.shape.seed(cheap.header), standing, stacks)
        if isinstance(same, Unsafe):
            return same
        held = held_words(standing, stacks)
        if isinstance(held, Unsafe):
            return held
        evidence = (*cheap.evidence, same, _stacks_said(stacks))
        if self.minds_iterators:
            none = judge_iterators(standing, self.iterators, cheap.header, stacks, held)
            return none if isinstance(none, Unsafe) else Safe(cheap.header, (*evidence, none))
        stood = words_stood_on(standing, self.iterators, cheap.header, held, alive)
        return stood if isinstance(stood, Unsafe) else Safe(cheap.header, evidence, stood)

    def count(self, read: ReadPlaces) -> int | None:
        """Return what ``len`` says, None where there is no map any more."""
        (header,) = read([(self.address, self.shape.size_bytes)])
        return self.shape.entries(header) if header is not None and self.shape.is_plausible(header) else None


def watch_map(heap: GoHeap, address: int, locks: tuple[MapLock, ...]) -> MapWatch:
    """Return what to ask of the map at ``address``, which ``locks`` guard together.

    HeapUnreadable where not all that has to be asked was found.
    """
    rows = np.flatnonzero(heap.maps["address"] == address)
    if not len(rows) or heap.maps["is_on_stack"][rows[0]]:
        raise HeapUnreadable(f"there is no map on the heap with its header at {address:#x}")
    test = IteratorTest.of(heap.runtime, address, int(heap.maps["map_type"][rows[0]]))
    shape = HeaderShape.of(heap.runtime.layout)
    header = heap.memory.read(Address(address), shape.size_bytes)
    if header is None:
        raise HeapUnreadable(f"the header of the map at {address:#x} cannot be read")
    return MapWatch(
        address=address,
        shape=shape,
        locks=locks,
        way=leading_words(heap, address),
        holder=stack_holder(heap, address),
        seed=shape.seed(header),
        collector=CollectorWatch.of(heap),
        stacks=StackWatch.of(heap, heap.stacks.code.code_of(list(_OPERATIONS)), "a map operation"),
        iterators=test,
        heap_iterators=tuple(iterator_words_elsewhere(heap, test)),
    )


def _places(watch: MapWatch) -> list[Place]:
    """Return the words of the collector, the header, the locks."""
    header = (watch.address, watch.shape.size_bytes)
    return [*watch.collector.places, header, *map(lock_place, watch.locks)]


def _judge_words(
    watch: MapWatch, fixed: Sequence[bytes | None], way: Sequence[bytes | None], writes: Sequence[CaughtWrite]
) -> Moment:
    phase, barrier, header, *locks = fixed
    collector = watch.collector.judge((phase, barrier))
    if isinstance(collector, Unsafe):
        return collector
    if not still_lead(watch.way, way):
        return Unsafe(Hindrance.MOVED, "what led to the map leads elsewhere now: look at it again")
    if header is None or not watch.shape.is_plausible(header):
        return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {watch.address:#x} is no header of a map any more")
    if watch.shape.is_being_written(header):
        return Unsafe(Hindrance.BEING_WRITTEN, "the map says that it is being written")
    said = [collector, "the map is not being written"]
    for lock, raw in zip(watch.locks, locks, strict=True):
        told = judge_lock(lock, raw, writes)
        if isinstance(told, Unsafe):
            return told
        said.append(told)
    return Safe(header, tuple(said))


def _stacks_said(stacks: Stacks) -> str:
    goroutines, frames = int((stacks.end == End.WHOLE).sum()), len(stacks.entry)
    return f"none of {frames:,} frames of {goroutines:,} goroutines is of a map operation"
