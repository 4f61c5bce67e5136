"""Decide, while every thread of a process stands still, whether a sync.Map may be changed: it guards itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.collector_watch import CollectorWatch
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.leading_words import LeadingWords, leading_words, places_of, still_lead
from mapmedic.goheap.safe_moment import SEEN_RUNNING
from mapmedic.goheap.stack_holder import StackHolder, judge_same, stack_holder
from mapmedic.goheap.stack_watch import StackWatch, Standing
from mapmedic.goheap.stacks import End, readable_tables
from mapmedic.goheap.sync_maps import SYNC_MAP, sync_type
from mapmedic.goheap.sync_reset import SyncShape
from mapmedic.memory.reader import Address, ReadPlaces
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Hindrance, Moment, Safe, Unsafe

# How the compiler calls the methods of a HashTrieMap[any, any], which is what a sync.Map is.
_METHODS = "internal/sync.(*HashTrieMap[go.shape.interface {},go.shape.interface {}])."
# src/internal/sync/hashtriemap.go: these alone go on to write where they were at first, without looking again: on
# their way up from a node that they emptied.
_REMOVALS = [f"{_METHODS}LoadAndDelete", f"{_METHODS}CompareAndDelete"]


@dataclass(frozen=True, slots=True, eq=False)
class SyncMapWatch:
    """What to ask of the sync.Map at ``address`` at a moment, prepared while the process ran.

    ``entries`` is how many it had then; ``way``: the words that lead to the object it lies in, none for a global
    variable, from that on or from the stack of ``holder``; ``seed`` is its own. ``stacks`` is None in the old design
    where there is no holder: its mutex says all.
    """

    address: int
    shape: SyncShape
    entries: int
    way: LeadingWords
    holder: StackHolder | None
    seed: bytes
    collector: CollectorWatch
    stacks: StackWatch | None

    @property
    def locks(self) -> tuple[MapLock, ...]:
        """Return none: it guards itself."""
        return ()

    def glance(self, read: ReadPlaces) -> Unsafe | None:
        """Return what forbids a change and can be seen while the process runs; None where a stop is worth it."""
        seen = self._words(read, [held for _, held in self.way])
        return seen if isinstance(seen, Unsafe) and seen.hindrance in SEEN_RUNNING else None

    def judge(self, standing: Standing) -> Moment:
        """Return whether it may be changed now; ``standing`` must last until that is done. Its header is the struct."""
        words = self._words(standing.read, standing.read(places_of(self.way)))
        if isinstance(words, Unsafe) or self.stacks is None:
            return words
        stacks = self.stacks.look(standing)
        if isinstance(stacks, Unsafe):
            return stacks
        same = judge_same(self.holder, self.seed, self.shape.seed(words.header), standing, stacks)
        if isinstance(same, Unsafe):
            return same
        goroutines, frames = int((stacks.end == End.WHOLE).sum()), len(stacks.entry)
        said = f"none of {frames:,} frames of {goroutines:,} goroutines takes an entry out of a sync.Map"
        return Safe(words.header, (*words.evidence, same, *([said] if self.shape.is_trie else [])))

    def count(self, read: ReadPlaces) -> int | None:
        """Return 0 for an empty one, None for any other: nothing counts its entries."""
        (raw,) = read([(self.address, self.shape.size_bytes)])
        if raw is None:
            return None
        found = read(self.shape.leads_to(raw))
        return 0 if self.shape.is_empty(raw, found[0] if found else None) else None

    def _words(self, read: ReadPlaces, way: Sequence[bytes | None]) -> Moment:
        phase, barrier, raw = read((*self.collector.places, (self.address, self.shape.size_bytes)))
        collector = self.collector.judge((phase, barrier))
        if isinstance(collector, Unsafe):
            return collector
        if not still_lead(self.way, way):
            return Unsafe(Hindrance.MOVED, "what led to the map leads elsewhere now: look at it again")
        if raw is None:
            return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {self.address:#x} cannot be read any more")
        found = read(self.shape.leads_to(raw))
        hindrance = self.shape.hindrance(self.address, raw, found[0] if found else None)
        return hindrance or Safe(raw, (collector, "the mutex of the sync.Map itself is free"))


def watch_sync_map(heap: GoHeap, address: int) -> SyncMapWatch:
    """Return what to ask of the sync.Map at ``address``; HeapUnreadable where not all that has to be asked was found.

    A trie of package unique's is refused: two handles of one value would differ.
    """
    rows = np.flatnonzero(heap.sync_maps["address"] == address)
    row = {name: int(column[rows[0]]) for name, column in heap.sync_maps.items()} if len(rows) else {}
    if not row:
        raise HeapUnreadable(f"there is no sync.Map at {address:#x}")
    if sync_type(heap, row) != SYNC_MAP:
        raise HeapUnreadable(
            f"what lies at {address:#x} is no sync.Map, but a trie that the runtime relies on"
        )
    shape = SyncShape.of(heap.runtime.layout)
    raw = heap.memory.read(Address(address), shape.size_bytes)
    if raw is None:
        raise HeapUnreadable(f"the sync.Map at {address:#x} cannot be read")
    is_global = any(section.start <= address < section.end for section in heap.runtime.sections)
    holder = None if is_global else stack_holder(heap, address)
    return SyncMapWatch(
        address=address,
        shape=shape,
        entries=row["entries"],
        way=() if is_global else leading_words(heap, address),
        holder=holder,
        seed=shape.seed(raw),
        collector=CollectorWatch.of(heap),
        stacks=_removals(heap) if shape.is_trie else _nobody(heap) if holder else None,
    )


def _nobody(heap: GoHeap) -> StackWatch:
    """Return how to see every stack, wherever anybody stands."""
    return StackWatch.of(heap, (), "nothing")


def _removals(heap: GoHeap) -> StackWatch:
    """Return how to see a removal under way, in its own code or inlined (as a profile of hot calls makes it)."""
    code = heap.stacks.code
    if not code.code_of([_METHODS]):
        raise HeapUnreadable("the code of sync.Map was not found: its functions have other names")
    with readable_tables():
        operations = [*code.code_of(_REMOVALS), *code.code_inlining(_REMOVALS)]
    return StackWatch.of(heap, operations, "a removal from a sync.Map")
