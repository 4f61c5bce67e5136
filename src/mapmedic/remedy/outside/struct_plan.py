"""The plan for the map fields of one instance of a struct: each planned as a single map is.

Headers are written all in one stop; entries that go one by one take several, one map after the other.

The struct itself is not written: the words in it that lead to the headers stay as they are, and so does every other
field of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.record import Progress
from mapmedic.capture.targets import parse_target
from mapmedic.goheap.struct_maps import find_fields
from mapmedic.memory.process import started_ticks
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.inventory import Limits
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.model.saved_entries import EntriesPlan
from mapmedic.remedy.outside.act import Job
from mapmedic.remedy.outside.choice import RESET
from mapmedic.remedy.outside.conditions import moment_condition, saving_condition
from mapmedic.remedy.outside.field_backups import FieldBackups
from mapmedic.remedy.outside.field_choice import AskedField, FieldChoice, choose_fields
from mapmedic.remedy.outside.in_turn import InTurn
from mapmedic.remedy.outside.locks import choose_locks
from mapmedic.remedy.outside.notices import steps_of
from mapmedic.remedy.outside.plan import Looked, OutsideRequest, PreparedFix
from mapmedic.remedy.outside.together import Part, TogetherWatch, TogetherWay
from mapmedic.remedy.outside.trial import try_moments

_MOMENT, _ROOM = "a safe moment", "room for the entries"


def plan_struct(pid: int, request: OutsideRequest, progress: Progress | None = None) -> PreparedFix:
    """Return the plan for the fields that ``request`` names of the struct instance ``request.map``.

    Without any named it is for all of its maps. UsageError where no instance, or more than one, is meant, or where it
    has no such field; PreflightFailed where no field fits its condition; CouldNotLook where the process cannot be
    looked into.
    """
    started = started_ticks(pid)
    heap, inventory, names = capture_heap(parse_target(f"pid:{pid}"), Limits(), None, progress)
    fields = find_fields(heap, inventory.maps, request.map)
    choice = choose_fields(heap, fields, request)
    prepared = []
    for each in choice.chosen:
        locks = choose_locks(heap, each.field.map, names, request.locks, is_one_of_several=True)
        asked = replace(request, where=each.where)
        fix = Looked(pid, started, heap, inventory, names, each.field.map, locks, asked).prepare()
        if fix.plan.matches == 0:
            choice.leave(each.name, "none of its entries fits")
        else:
            prepared.append((each, fix))
    choice.chosen  # noqa: B018 - raises where none is left
    return _Struct(pid, started, request, choice, prepared).joined()


@dataclass(frozen=True, slots=True, eq=False)
class _Struct:
    """The fixes of the single fields, to be joined into one."""

    pid: int
    started_ticks: int
    request: OutsideRequest
    choice: FieldChoice
    prepared: list[tuple[AskedField, PreparedFix]]

    def joined(self) -> PreparedFix:
        first = max((fix for _, fix in self.prepared), key=lambda fix: fix.outside.held_bytes)
        job = self._job()
        conditions = self._conditions()
        measured = tuple(ms for _, fix in self.prepared for ms in fix.outside.measured_ms)
        if job is not None and not self._goes_in_turn:
            measured, hindrance = try_moments(self.pid, job.watch, job.way, self.request.budget_ms)
            conditions.append(moment_condition(hindrance, self.request.limit_ms))
        outside = self._outside(first.outside, measured)
        if outside.saving:
            conditions.append(saving_condition(_ROOM, outside.saving))
        plan = self._plan(first.plan, outside, conditions)
        backup: Callable[[Progress], FieldBackups] | None = None
        if any(fix.backup for _, fix in self.prepared):
            backup = self._backups
        return replace(first, plan=replace(plan, outside=outside), outside=outside, job=job, backup=backup)

    @property
    def _goes_in_turn(self) -> bool:
        """Tell whether entries go one by one: each map in stops of its own then, and not all in one."""
        return self.request.strategy != RESET

    def _job(self) -> Job | None:
        jobs = [(asked.wish, fix.job) for asked, fix in self.prepared]
        parts = tuple(Part(wish, job.watch, job.way) for wish, job in jobs if job is not None)
        if len(parts) < len(jobs):
            return None
        watches = self.request.watches_locks
        if self._goes_in_turn:
            turns = InTurn(parts)
            return Job(self.pid, self.started_ticks, turns, turns, watches_locks=watches)
        together = TogetherWatch(parts), TogetherWay(parts)
        return Job(self.pid, self.started_ticks, *together, watches_locks=watches)

    def _conditions(self) -> list[Condition]:
        """Return what must hold: of the process once, of each map by its field's name; the moment is asked of all."""
        said: list[Condition] = []
        of_all = set.intersection(*({*fix.plan.conditions} for _, fix in self.prepared))
        for asked, fix in self.prepared:
            for each in fix.plan.conditions:
                one = (
                    each
                    if len(self.prepared) > 1 and each in of_all
                    else replace(each, name=f"{asked.name}: {each.name}")
                )
                # What is asked of all of them together is said once, behind.
                joint = (each.name == _MOMENT and not self._goes_in_turn) or (
                    each.name == _ROOM and each.holds
                )
                if not joint and one not in said:
                    said.append(one)
        return said

    def _outside(self, first: OutsidePlan, measured: tuple[float, ...]) -> OutsidePlan:
        plans = [(asked.name, fix.outside) for asked, fix in self.prepared]
        locks = {lock.address: lock for _, plan in plans for lock in plan.locks}
        guards = dict.fromkeys(guard for _, plan in plans for guard in plan.guards)
        notices = dict.fromkeys(f"{name}: {notice}" for name, plan in plans for notice in plan.notices[:1])
        return replace(
            first,
            locks=tuple(locks.values()),
            without_lock=any(plan.without_lock for _, plan in plans),
            contents=None,
            guards=tuple(guards),
            notices=(*notices, *first.notices[1:]),
            held_bytes=sum(plan.held_bytes for _, plan in plans),
            measured_ms=measured,
            saving=_saving([plan.saving for _, plan in plans if plan.saving]),
            fields=self._fields(),
        )

    def _plan(self, first: FixPlan, outside: OutsidePlan, conditions: list[Condition]) -> FixPlan:
        entries = sum(fix.plan.entries or 0 for _, fix in self.prepared)
        matches = [fix.plan.matches for _, fix in self.prepared if fix.plan.matches is not None]
        notes = dict.fromkeys(
            note if len(self.prepared) > 1 and all(note in fix.plan.notes for _, fix in self.prepared)
            else f"{asked.name}: {note}"
            for asked, fix in self.prepared
            for note in fix.plan.notes
        )  # fmt: skip
        return replace(
            first,
            map=self.request.map,
            kind="struct",
            type="",
            entries=entries,
            where=self.request.where,
            matches=sum(matches) if matches else None,
            steps=steps_of(outside, self._step()),
            conditions=tuple(conditions),
            notes=tuple(notes),
        )

    def _step(self) -> str:
        names = ", ".join(asked.name for asked, _ in self.prepared)
        if not self._goes_in_turn:
            count = len(self.prepared)
            headers = "the header of one map" if count == 1 else f"the headers of {count} maps"
            made = (
                "that of an empty map, where it lies" if count == 1 else "those of empty maps, where they lie"
            )
            return (
                f"in that same stop make {headers} ({names}) {made}, one write for each; no byte of the struct itself "
                "is written"
            )
        each = ", then ".join(
            f"of {asked.name} {fix.plan.matches or 0:,} entries" for asked, fix in self.prepared
        )
        return (
            f"in that stop, and in others until all is done, take out {each}, by the stores that the runtime's own "
            "delete makes; headers and buckets stay, and no byte of the struct itself is written. A small process of "
            "our own holds the target meanwhile, and finishes the stores of a stop if we die in it"
        )

    def _fields(self) -> tuple[FieldPlan, ...]:
        """Return what there is to say of each field, those that are left as they are included."""
        fixes = {asked.name: fix for asked, fix in self.prepared}
        plans = (self.choice.plan_of(each.name) for each in self.choice.all)
        return tuple(
            replace(
                each, matches=fixes[each.name].plan.matches, held_bytes=fixes[each.name].outside.held_bytes
            )
            if each.name in fixes
            else each
            for each in plans
        )

    def _backups(self, progress: Progress) -> FieldBackups:
        made = [(asked.name, fix.backup(progress)) for asked, fix in self.prepared if fix.backup]
        return FieldBackups([(name, each) for name, each in made if not isinstance(each, FieldBackups)])


def _saving(plans: list[EntriesPlan]) -> EntriesPlan | None:
    if not plans:
        return None
    estimate = sum(each.estimate_bytes for each in plans)
    return replace(
        plans[0], entries=sum(each.entries for each in plans), estimate_bytes=estimate,
        is_raw=any(each.is_raw for each in plans),
    )  # fmt: skip
