"""Carry out a plan for a process without an agent: journal, act, collect, watch the memory, prove.

An error means that nothing was changed. From the write on there are none any more, only an outcome with its proof.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mapmedic.errors import (
    CouldNotLook,
    JournalUnwritable,
    MapmedicError,
    PreflightFailed,
    Refused,
    WriteUnknown,
)
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import started_ticks
from mapmedic.memory.stop import Stop
from mapmedic.model.acted import Acted, Stage
from mapmedic.model.field_wish import FieldCount
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Outcome
from mapmedic.model.safe_moment import Hindrance, Safe, Unsafe
from mapmedic.model.tuning import Collections
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.conditions import condition_json
from mapmedic.remedy.forced_gc import Progress, force_collections, not_restored
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.entries_backup import EntriesBackup
from mapmedic.remedy.outside.field_backups import FieldBackups
from mapmedic.remedy.outside.in_turn import InTurn
from mapmedic.remedy.outside.memory import MemoryOf
from mapmedic.remedy.outside.plan import PreparedFix
from mapmedic.remedy.outside.proof import Aftermath, criteria_outside, prove_outside
from mapmedic.remedy.outside.together import TogetherWay
from mapmedic.remedy.outside.way import Act
from mapmedic.remedy.plan import require_ready
from mapmedic.remedy.proof import Criteria
from mapmedic.remedy.uninterrupted import ProofCutShort

CUT_SHORT = "outside.proof_cut_short"
PLANNED, REFUSED, UNKNOWN = "outside.planned", "refused", "outside.unknown"
WRITING, NOT_WRITTEN, WRITTEN, PROVED = "outside.writing", "outside.not_written", "outside.written", "proved"
# Of a write of which nobody knows so many addresses are told: a batch of entries has thousands.
_MOST_PLACES = 256
_POLL_SECONDS = 0.25
# After the bar is met we look a little longer: memory that comes back at once is no cure.
_LINGER_SECONDS = 2.0


@dataclass(slots=True)
class Course:
    """How far a fix came, for whoever is interrupted: ``stages`` are the stops in which something was written."""

    stages: list[Stage] = field(default_factory=list)

    @property
    def is_made(self) -> bool:
        """Tell whether nothing of it is left to write."""
        return bool(self.stages) and self.stages[-1].is_last

    @property
    def words(self) -> str:
        """Return it in a sentence."""
        if not self.stages:
            return "nothing was changed"
        entries = sum(each.entries for each in self.stages)
        return (
            f"the map was changed, {entries:,} entries left it; whether memory came back was not waited for"
        )


def apply_outside(
    fix: PreparedFix, journal: Journal, course: Course, drop: float | None, within_seconds: float, progress: Progress
) -> Outcome:  # fmt: skip
    """Carry out ``fix`` and return what it did, with its proof. ``drop`` as of ``criteria_outside``.

    Refused, with nothing changed, where a condition does not hold, no safe moment is found within the limit, somebody
    else changes the process, or it is another one; CouldNotLook where it cannot be stopped.
    """
    pid = fix.outside.target.pid or 0
    with hold_process(pid), _told_when_cut_short(journal, course):
        job = _require_ready(fix, pid)
        journal.write(PLANNED, **_plan_facts(fix))
        memory = MemoryOf(pid, job.started_ticks, fix.figures)
        backup = fix.backup(progress) if fix.backup else None
        with _taken_away_unless_changed(backup, journal, course):
            saved = backup.save(journal) if backup else None
            before = memory.point()  # saving a large map takes a while, in which the service goes on
            if before is None:
                raise PreflightFailed(("the process: it has ended",))
            progress("waiting for a safe moment", 0.0)
            acted = _act(job, fix, journal, course, backup)
        left, fields = _entries_now(job)
        # Before a collection: what the map led to is there as long as none has ended.
        difference = backup.save_difference(journal) if backup else None
        watch = _Watch(memory, before, criteria_outside(fix.outside, before, drop, within_seconds), progress)
        forced = _collect(fix, journal, watch)
        watch.until_met()
    aftermath = _aftermath(fix, acted, left, forced, runs_on=watch.runs_on, fields=fields)
    proof = prove_outside(fix.outside, before, watch.points, aftermath, watch.criteria)
    note(journal, PROVED, passed=proof.passed)
    return Outcome(
        plan=fix.plan,
        applied=True,
        operation=None,
        pause_ns=int(acted.pause_ms * 1e6),
        entries_removed=acted.entries,
        journal_path=str(journal.path),
        before=before,
        after=watch.points[-1] if watch.points else None,
        proof=proof,
        timeline=(before, *watch.points),
        acted=acted,
        saved=saved,
        difference=difference,
        fields=backup.fields if isinstance(backup, FieldBackups) else (),
        ended_collections=forced.ended if forced else None,
    )


@contextmanager
def _told_when_cut_short(journal: Journal, course: Course) -> Iterator[None]:
    """Where the fix was made write that down, and make that of an interrupt: nobody is to do it again."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if not course.is_made:
            raise
        note(journal, CUT_SHORT, why=course.words)
        cut_short = ProofCutShort(*stop.args)
        for said in getattr(stop, "__notes__", ()):  # such as what could not be put back
            cut_short.add_note(said)
        raise cut_short from stop


@contextmanager
def _taken_away_unless_changed(
    backup: EntriesBackup | FieldBackups | None, journal: Journal, course: Course
) -> Iterator[None]:
    """Take away what was saved where we changed nothing; it stays where a process ended while it was written to."""
    try:
        yield
    except (Refused, JournalUnwritable, KeyboardInterrupt) as error:
        unchanged = not isinstance(error, KeyboardInterrupt) or not course.stages
        if backup and unchanged:
            backup.let_go(journal)
        raise


def _require_ready(fix: PreparedFix, pid: int) -> Job:
    require_ready(fix.plan)
    if fix.job is None:
        raise PreflightFailed(("a way from outside: there is none",))
    if started_ticks(pid) != fix.job.started_ticks:
        raise PreflightFailed(("the process: it is another one by now",))
    return fix.job


def _act(
    job: Job, fix: PreparedFix, journal: Journal, course: Course, backup: EntriesBackup | FieldBackups | None
) -> Acted:
    def save(held: Stop, moment: Safe, chosen: Act) -> Unsafe | None:
        try:
            lost = backup.remember(held, moment, chosen) if backup else None
            if lost is not None:
                return lost
            # In the stop: with the kernel is enough, as what ends the kernel ends the process too.
            journal.write_in_a_stop(WRITING, **_write_facts(fix, moment, chosen))
        except MapmedicError as error:
            return Unsafe(Hindrance.NOT_SAVED, str(error))
        return None

    def not_written(why: str) -> None:
        with suppress(CouldNotLook):
            journal.write_in_a_stop(NOT_WRITTEN, why=why)

    def unknown(error: WriteUnknown, chosen: Act) -> None:
        places = [f"{each.address:#x}" for each in chosen.changes[:_MOST_PLACES]]
        with suppress(CouldNotLook):
            journal.write_in_a_stop(
                UNKNOWN, why=str(error), address=error.address, addresses=places, writes=len(chosen.changes)
            )

    def written(stage: Stage) -> None:
        course.stages.append(stage)
        if backup:
            backup.written(stage)
        note(journal, WRITTEN, entries=stage.entries, pause_ms=stage.pause_ms, is_last=stage.is_last)

    patience = Patience(budget_ms=fix.outside.budget_ms, limit_ms=fix.outside.limit_ms)
    try:
        return _require_written(
            act(replace(job, save=save, written=written, not_written=not_written, unknown=unknown), patience)
        )
    except WriteUnknown:  # it has been told in the stop
        raise
    except MapmedicError as error:
        note(journal, REFUSED, why=str(error))
        raise


def _require_written(acted: Acted) -> Acted:
    if not acted.wrote:
        stay = [f"{count:,} entries stay: {why}" for why, count in acted.left]
        raise PreflightFailed(("; ".join(["something to change: nothing was left to write", *stay]),))
    return acted


def _aftermath(
    fix: PreparedFix, acted: Acted, left: int | None, forced: Collections | None, *, runs_on: bool,
    fields: tuple[FieldCount, ...],
) -> Aftermath:  # fmt: skip
    matches = fix.plan.matches
    # Of an eviction those count that fitted, whatever else is in the map.
    meant, left = (acted.entries, left) if matches is None else (matches, matches - acted.entries)
    undone = "" if acted.whole else f"it was broken off: {acted.tries[-1].hindrance.why}"
    unmended = not_restored(Path(fix.outside.journal_folder)) if forced and not forced.restored else ""
    return Aftermath(meant, left, undone, runs_on, unmended, fields)


def _entries_now(job: Job) -> tuple[int | None, tuple[FieldCount, ...]]:
    """Return how many entries are left, and of the maps of a struct how many in each."""
    read = ProcessAgain(job.pid, 0.0).read
    try:
        left = job.watch.count(read)
        return left, job.way.fields(read) if isinstance(job.way, TogetherWay | InTurn) else ()
    except MapmedicError:  # it has ended since; the fix is done
        return None, ()


def _collect(fix: PreparedFix, journal: Journal, watch: _Watch) -> Collections | None:
    """Force collections, the memory watched meanwhile; return what came of it, None where none were to be forced."""
    wanted = fix.outside.collections
    if not wanted:
        return None
    try:
        return force_collections(
            fix.outside.target.pid or 0, fix.words, wanted, journal,
            within_seconds=watch.criteria.within_seconds, progress=watch.tell,
        )  # fmt: skip
    except MapmedicError as error:
        note(journal, "collections.refused", why=str(error))
        return Collections(wanted, 0, 0.0, restored=not isinstance(error, WriteUnknown))


class _Watch:
    """The memory from the write on, a point every quarter of a second."""

    def __init__(self, memory: MemoryOf, before: MemoryPoint, criteria: Criteria, progress: Progress) -> None:
        self.points: list[MemoryPoint] = []
        self.runs_on = True
        self.criteria = criteria
        self._memory, self._before, self._progress = memory, before, progress
        self._began = self._last = time.monotonic()
        self._met_at: float | None = None

    def tell(self, what: str, share: float) -> None:
        """Pass on how far somebody is, and look at the memory meanwhile."""
        self._progress(what, share)
        if time.monotonic() - self._last >= _POLL_SECONDS:
            self._look()

    def until_met(self) -> None:
        """Look until the bars have been met for a while, the time is up or the process has ended."""
        while self._look() and not self._is_enough():
            share = (self._last - self._began) / self.criteria.within_seconds
            self._progress("watching memory come back", min(1.0, share))
            time.sleep(_POLL_SECONDS)

    def _is_enough(self) -> bool:
        if self._last - self._began >= self.criteria.within_seconds:
            return True
        return self._met_at is not None and self._last - self._met_at >= _LINGER_SECONDS

    def _look(self) -> bool:
        self._last = time.monotonic()
        point = self._memory.point()
        if point is None:
            self.runs_on = False
            return False
        self.points.append(point)
        met = self.criteria.memory_met(self._before, point)
        self._met_at = (self._last if self._met_at is None else self._met_at) if met else None
        return True


def _plan_facts(fix: PreparedFix) -> dict[str, object]:
    plan, outside, target = fix.plan, fix.outside, fix.outside.target
    return {
        "target": plan.target, "map": plan.map, "strategy": plan.strategy, "entries": plan.entries,
        "pid": target.pid, "started_ticks": outside.started_ticks, "boot": boot_id(), "program": target.exe,
        "build_id": target.build_id, "go_version": target.go_version,
        "address": outside.map.address, "type": plan.type, "design": outside.map.design,
        "locks": [asdict(each) for each in outside.locks],
        "where": [condition_json(each) for each in plan.where],
        "fields": [
            {**asdict(each), "where": [condition_json(one) for one in each.where]}
            for each in outside.fields
            if each.chosen
        ],
        "conditions": [[c.name, c.holds, c.why] for c in plan.conditions],
    }  # fmt: skip


def _write_facts(fix: PreparedFix, moment: Safe, chosen: Act) -> dict[str, object]:
    # The bytes of entries that go one by one are keys and values: saved beside it, or not to be kept at all.
    tells_bytes = fix.plan.matches is None
    return {
        "entries": chosen.entries,
        "header": moment.header.hex(),
        "changes": [
            {"address": each.address, "old": each.old.hex(), "new": each.new.hex()} for each in chosen.changes
        ]
        if tells_bytes
        else [],
        "writes": len(chosen.changes),
        "evidence": [*moment.evidence, *chosen.evidence],
    }
