"""The plan for a process without an agent: look into it, find the map, say what would be done; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.record import Progress
from mapmedic.capture.targets import parse_target
from mapmedic.errors import CouldNotLook, HeapUnreadable, PreflightFailed, UnknownOwner
from mapmedic.goheap.allocation import FigurePlaces, find_figures
from mapmedic.goheap.descriptors import Kind
from mapmedic.goheap.entries import take_entries
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_locks import GUARD_THEMSELVES
from mapmedic.goheap.map_paths import take_holders
from mapmedic.goheap.named_places import find_places
from mapmedic.goheap.names import GlobalNames
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import started_ticks
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.field_wish import FieldWish
from mapmedic.model.gc_words import GcWords
from mapmedic.model.inventory import Inventory, Limits, MapInstance
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.owner_match import find_map
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.model.safe_moment import Unsafe
from mapmedic.model.saved_entries import EntriesPlan
from mapmedic.remedy.forced_gc import may_force
from mapmedic.remedy.journal import default_folder
from mapmedic.remedy.operator import operator_condition
from mapmedic.remedy.outside.act import Job
from mapmedic.remedy.outside.choice import RESET, Chosen, Wanted, choose_way
from mapmedic.remedy.outside.conditions import (
    journal_condition,
    map_condition,
    moment_condition,
    process_conditions,
    saving_condition,
)
from mapmedic.remedy.outside.entries_backup import EntriesBackup
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.field_backups import FieldBackups
from mapmedic.remedy.outside.locks import LockChoice, LockWish, choose_locks
from mapmedic.remedy.outside.notices import notices_of, steps_of
from mapmedic.remedy.outside.trial import try_moments

# Go gives memory back after the second or third.
_COLLECTIONS = 3
_UNDO = "none: what left the map cannot be put back from outside; what is saved of it can be read"


# Not every slot that somebody is about to use can be seen: registers that a signal saved, elements that lie elsewhere.
_NEEDS_LOCK = (
    "entries are taken out one by one under the map's lock only, and none is known: name it (--lock), or empty the "
    "whole map (--strategy reset)"
)


@dataclass(frozen=True, slots=True)
class OutsideRequest:
    """What the operator asks for. Entries are saved where ``backup``, as hashes where ``redacted``.

    With ``fields`` the ``map`` is a struct, by path or type, and they are those of its maps that are meant: () is all.
    ``where`` is asked of the entries of each then, and of ``field_where`` (field, condition) what is for that field.

    A stop lasts ``budget_ms`` at most; after ``limit_ms`` in vain it is given up. ``watches_locks``: a lock that is
    hardly ever free is watched.
    """

    map: str
    strategy: str = RESET
    where: tuple[EvictCondition, ...] = ()
    locks: LockWish = field(default_factory=LockWish)
    return_memory: bool = True
    backup: bool = True
    redacted: bool = False
    budget_ms: float = 20.0
    limit_ms: float = 10_000.0
    watches_locks: bool = True
    journal_folder: Path | None = None
    fields: tuple[FieldWish, ...] | None = None
    field_where: tuple[tuple[str, EvictCondition], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFix:
    """A plan and what it takes to carry it out; ``job`` is None where that cannot be prepared.

    ``figures`` is where the runtime counts its heap, None where that was not found. ``backup`` makes what saves the
    entries, None where they are not saved.
    """

    plan: FixPlan
    outside: OutsidePlan
    job: Job | None
    words: GcWords
    figures: FigurePlaces | None
    backup: Callable[[Progress], EntriesBackup | FieldBackups] | None


def plan_outside(pid: int, request: OutsideRequest, progress: Progress | None = None) -> PreparedFix:
    """Return the plan for the map that ``request`` names in process ``pid``; the process is looked into for it.

    UsageError where no map, or more than one, is called that; PreflightFailed where it is a nil map; CouldNotLook where
    the process cannot be looked into.
    """
    started = started_ticks(pid)
    heap, inventory, names = capture_heap(parse_target(f"pid:{pid}"), Limits(), None, progress)
    map_ = _find(heap, inventory, names, request.map)
    locks = choose_locks(heap, map_, names, request.locks)
    return Looked(pid, started, heap, inventory, names, map_, locks, request).prepare()


def _find(heap: GoHeap, inventory: Inventory, names: GlobalNames | None, wanted: str) -> MapInstance:
    try:
        return find_map(inventory.maps, wanted)
    except UnknownOwner:
        places = find_places(heap, names, wanted)
        nil = [each for each in places if each.nil]
        # Another word may be nearer to it now, such as an iterator on a stack, and give it another name.
        held = {heap.memory.word(each.address) for each in places if each.type.kind is Kind.MAP}
        meant = [each for each in inventory.maps if each.address in held]
        if len(meant) == 1:
            return meant[0]
        if not nil:
            raise
        what = "a nil map" if nil[0].nil == nil[0].name else f"nothing, as {nil[0].nil} is nil"
        raise PreflightFailed((f"something to empty: {wanted} is {what}",)) from None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was seen of a process, and which map of it is meant."""

    pid: int
    started_ticks: int
    heap: GoHeap
    inventory: Inventory
    names: GlobalNames | None
    map: MapInstance
    locks: LockChoice
    request: OutsideRequest

    def prepare(self) -> PreparedFix:
        """Return the plan for it; a moment is tried, with nothing written."""
        facts, request = require_readable(self.pid), self.request
        words = find_gc_words(self.heap.memory)
        chosen, way_condition = self._choose()
        stood, hindrance = self._try(chosen)
        conditions = [
            *process_conditions(facts, self.inventory),
            map_condition(self.map, chosen.matches if chosen else None),
            self.locks.condition,
        ]
        conditions += [way_condition] if way_condition else [moment_condition(hindrance, request.limit_ms)]
        folder = request.journal_folder or default_folder()
        conditions += [operator_condition(self.pid), journal_condition(folder)]
        only = chosen.way if chosen and isinstance(chosen.way, Eviction) else None
        saving, saving_condition = self._saving(folder, only)
        conditions += [saving_condition] if saving_condition else []
        outside = replace(
            self._outside(chosen, folder),
            saving=saving, measured_ms=stood,
            collections=_COLLECTIONS if request.return_memory and may_force(words).holds else 0,
        )  # fmt: skip
        job = self._job(chosen) if chosen else None
        plan = self._plan(chosen, outside, conditions, words)
        return PreparedFix(
            plan,
            outside,
            job,
            words,
            find_figures(self.heap),
            partial(self._backup, only) if saving else None,
        )

    def _job(self, chosen: Chosen) -> Job:
        watches = self.request.watches_locks
        return Job(self.pid, self.started_ticks, chosen.watch, chosen.way, watches_locks=watches)

    def _backup(self, only: Eviction | None, progress: Progress) -> EntriesBackup:
        return EntriesBackup(
            self.heap, self.map, redacted=self.request.redacted, build_id=self.inventory.target.build_id,
            progress=progress, only=only,
        )  # fmt: skip

    def _saving(self, folder: Path, only: Eviction | None) -> tuple[EntriesPlan | None, Condition | None]:
        if not self.request.backup or not self.map.entries:
            return None, None
        name = "room for the entries"
        try:
            plan = self._backup(only, lambda _what, _share: None).plan(folder)
        except CouldNotLook as error:
            return None, Condition(name, False, f"they cannot be saved: {error} (--no-backup)")
        return plan, saving_condition(name, plan)

    def _choose(self) -> tuple[Chosen | None, Condition | None]:
        if self.request.strategy != RESET and not (self.locks.locks or self.map.design in GUARD_THEMSELVES):
            return None, Condition("a way from outside", False, _NEEDS_LOCK)
        try:
            now_ns = self.inventory.snapshot.taken_at_unix_ns or 0
            wanted = Wanted(self.request.strategy, self.request.where, now_ns)
            return choose_way(self.heap, self.map, self.locks.locks, wanted), None
        except HeapUnreadable as error:
            return None, Condition("a way from outside", False, str(error))

    def _try(self, chosen: Chosen | None) -> tuple[tuple[float, ...], Unsafe | None]:
        if chosen is None:
            return (), None
        return try_moments(self.pid, chosen.watch, chosen.way, self.request.budget_ms)

    def _plan(
        self, chosen: Chosen | None, outside: OutsidePlan, conditions: Sequence[Condition], words: GcWords
    ) -> FixPlan:
        force = may_force(words)
        notes = [*self.locks.notes]
        if not self.request.backup:
            notes.append("the entries are not saved (--no-backup): they are gone for good")
        if self.request.return_memory and not force.holds:
            notes.append(
                f"no collection can be forced: {force.why}; memory comes back when the program collects by itself"
            )
        return FixPlan(
            target=f"pid:{self.pid}",
            map=self.map.owner,
            kind="sync.Map" if self.map.design in GUARD_THEMSELVES else "map",
            type=self.map.type or "",
            strategy=self.request.strategy,
            entries=self.map.entries,
            where=self.request.where,
            matches=chosen.matches if chosen else None,
            steps=steps_of(outside, chosen.step) if chosen else (),
            conditions=tuple(conditions),
            undo=_UNDO,
            notes=tuple(notes),
            hold_seconds=0,
            return_memory=self.request.return_memory,
            outside=outside,
        )

    def _outside(self, chosen: Chosen | None, folder: Path) -> OutsidePlan:
        heap, inventory, map_ = self.heap, self.inventory, self.map
        now_ns = inventory.snapshot.taken_at_unix_ns or 0
        contents = take_entries(heap, inventory, map_, 0, now_ns).contents
        return OutsidePlan(
            target=inventory.target,
            started_ticks=self.started_ticks,
            map=map_,
            locks=self.locks.locks,
            without_lock=self.locks.without,
            holders=take_holders(heap, inventory, map_, self.names),
            contents=contents,
            guards=chosen.guards if chosen else (),
            notices=notices_of(map_, chosen.matches if chosen else None),
            held_bytes=_held_bytes(map_, chosen.matches if chosen else None),
            measured_ms=(),
            budget_ms=self.request.budget_ms,
            limit_ms=self.request.limit_ms,
            watches_locks=self.request.watches_locks,
            saving=None,
            redacted=self.request.redacted,
            collections=0,
            journal_folder=str(folder),
        )


def _held_bytes(map_: MapInstance, matches: int | None) -> int:
    """Return what goes with the map's entries, or, where only ``matches`` of them go, with these: buckets stay."""
    held = map_.shallow_bytes if map_.retained_bytes is None else map_.retained_bytes
    if matches is None:
        return held
    return max(0, held - map_.shallow_bytes) * matches // max(1, map_.entries)
