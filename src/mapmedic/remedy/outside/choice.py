"""Which way a map is changed, prepared while its process runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.entry_choice import choose_entries, require_askable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_locks import GUARD_THEMSELVES
from mapmedic.goheap.safe_moment import MapWatch, watch_map
from mapmedic.goheap.sync_moment import watch_sync_map
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.inventory import MapInstance
from mapmedic.model.map_lock import MapLock
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.reset import HeaderReset, SyncReset
from mapmedic.remedy.outside.way import Watch, Way

_COLLECTOR = "no collection marks, and the write barrier is off"
_MOMENT = (
    _COLLECTOR,
    "every word that led to the map leads to it still, and what lies there is a map between two operations",
    "the map does not say that it is being written",
)
_STACKS = (
    "no goroutine has a frame of a map operation on its stack, whether it runs, waits or is in a system call"
)
_NO_ITERATOR = "no iterator of the map is alive, on a stack or on the heap"
_AS_CHOSEN = (
    "each entry is what it was when it was chosen, and where it was",
    "no word of a stack, a register or an iterator leads to it: where one does, that entry stays",
)
# src/reflect/type.go: ptrMap, lookupCache, structLookupCache, …
_REFLECTION = "reflect."
_SYNC_MOMENT = (_COLLECTOR, "every word that led to the sync.Map leads to it still")
_TWO_MAPS: tuple[str, ...] = ("its own mutex is free, and nobody has passed it",)
_TRIE = (
    "the mutex of its root is free, and nobody has passed it",
    "no goroutine has a frame of LoadAndDelete or CompareAndDelete of any sync.Map on its stack",
)
RESET, CLEAR, EVICT = "reset", "clear", "evict"


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What is watched and how it is changed; ``step`` says that in a sentence, ``guards`` what is asked for before.

    ``matches``: how many entries are to go one by one, None where the map is emptied at once.
    """

    watch: Watch
    way: Way
    step: str
    guards: tuple[str, ...]
    matches: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become of a map: reset empties it, clear too, and keeps its buckets, evict takes out ``where``.

    ``now_ns``: since 1970, for ages.
    """

    strategy: str = RESET
    where: tuple[EvictCondition, ...] = ()
    now_ns: int = 0


def choose_way(
    heap: GoHeap, map_: MapInstance, locks: Sequence[MapLock], wanted: Wanted = Wanted()
) -> Chosen:
    """Return how ``wanted`` is done to ``map_``; HeapUnreadable where that cannot be done from outside.

    UsageError where a condition cannot be asked of its entries.
    """
    if map_.design in GUARD_THEMSELVES:
        _require_plain(map_, wanted)
        return _of_sync_map(heap, map_)
    watch = watch_map(heap, map_.address, tuple(locks))
    free = tuple(
        f"the {lock.kind} at {lock.address:#x} is free, or who takes it stands right behind doing so"
        for lock in locks
    )
    if wanted.strategy != RESET:
        return _one_by_one(heap, replace(watch, minds_iterators=False), (*_MOMENT, *free), wanted)
    step = (
        f"in that same stop make the {watch.shape.size_bytes} bytes of the header at {map_.address:#x} those of an "
        "empty map, in one write; what it led to is garbage from then on"
    )
    return Chosen(watch, HeaderReset(watch), step, (*_MOMENT, *free, _STACKS, _NO_ITERATOR))


def require_way(heap: GoHeap, map_: MapInstance, wanted: Wanted) -> None:
    """Raise what ``choose_way`` would raise for the types of ``map_``, without a look at its entries."""
    _require_plain(map_, wanted)
    if wanted.strategy != RESET:
        require_askable(heap, map_.address, wanted.where)


def _require_plain(map_: MapInstance, wanted: Wanted) -> None:
    if map_.design in GUARD_THEMSELVES and wanted.strategy != RESET:
        raise HeapUnreadable(
            f"entries of a {map_.design} cannot be taken out one by one from outside; the agent can"
        )


def _one_by_one(heap: GoHeap, watch: MapWatch, guards: tuple[str, ...], wanted: Wanted) -> Chosen:
    plan = choose_entries(heap, watch.address, wanted.where, wanted.now_ns)
    matches = len(plan.chosen)
    what = "that fit" if wanted.strategy == EVICT else "of the map"
    step = (
        f"in that stop, and in others until all is done, take out the {matches:,} entries {what}, by the stores that "
        "the runtime's own delete makes; the buckets stay. A small process of our own holds the target meanwhile, and "
        "finishes the stores of a stop if we die in it"
    )
    stays = [f"{count:,} that fit stay: {why}" for why, count in plan.left]
    step = "; ".join([step, *stays])
    return Chosen(watch, Eviction(plan), step, (*guards, _STACKS, *_AS_CHOSEN), matches)


def _of_sync_map(heap: GoHeap, map_: MapInstance) -> Chosen:
    if map_.owner.startswith(_REFLECTION):
        raise HeapUnreadable("package reflect knows by it that two types that were made alike are one")
    watch = watch_sync_map(heap, map_.address)
    what, guards = "make its read and dirty those of a new sync.Map", _TWO_MAPS
    if watch.shape.is_trie:
        what, guards = "take the 16 children from the root of the trie that it is", _TRIE
    step = (
        f"in that same stop {what}, in one write for each page that they lie on; it is whole after each, and what "
        "they led to is garbage from then on"
    )
    return Chosen(watch, SyncReset(watch), step, (*_SYNC_MOMENT, *guards))
