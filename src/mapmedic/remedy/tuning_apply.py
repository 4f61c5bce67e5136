"""Set what steers a running program's collector: journal, one short stop, plain writes, and a look at what it says."""

from __future__ import annotations

from mapmedic.errors import PreflightFailed, ProofFailed, WriteUnknown
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.memory.process import read_facts
from mapmedic.memory.program import read_program
from mapmedic.model.change import Change
from mapmedic.model.gc_words import GcWords
from mapmedic.model.tuning import SettingChange, TuneOutcome, TunePlan, WordWrite
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.forced_gc import Progress, force_collections
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.stopped_write import write_in_a_stop

PLANNED, APPLIED, REFUSED = "tune.planned", "tune.applied", "tune.refused"


def apply_tuning(plan: TunePlan, journal: Journal, within_seconds: float, progress: Progress) -> TuneOutcome:
    """Carry out ``plan`` and return what the collector says afterwards; journal first.

    Collections, if any are to be forced, may take ``within_seconds``. PreflightFailed, WriteRefused or
    ProcessUnreadable leave the settings as they were; ProofFailed where the program says something else than what
    was written.
    """
    if failed := tuple(f"{c.name}: {c.why}" for c in plan.conditions if not c.holds):
        raise PreflightFailed(failed)
    with hold_process(plan.pid):
        return _apply(plan, journal, within_seconds, progress)


def _apply(plan: TunePlan, journal: Journal, within_seconds: float, progress: Progress) -> TuneOutcome:
    pause_ns = _set(plan, journal) if plan.changes else 0
    words = find_gc_words(read_program(plan.pid))
    _require_said(plan, words)
    forced = None
    if plan.collections:
        forced = force_collections(
            plan.pid, words, plan.collections, journal, within_seconds=within_seconds, progress=progress
        )
        words = find_gc_words(read_program(plan.pid))
    resident = read_facts(plan.pid).resident_bytes
    return TuneOutcome(plan, pause_ns, str(journal.path), words, resident, forced)


def _set(plan: TunePlan, journal: Journal) -> int:
    """Write what ``plan`` says, journal first, and return for how long the process stood still, in ns."""
    journal.write(
        PLANNED, pid=plan.pid, program=plan.program, started_ticks=plan.started_ticks, boot=boot_id(),
        changes=[_journal_change(each) for each in plan.changes],
    )  # fmt: skip
    try:
        changes = [_bytes(write) for each in plan.changes for write in each.writes]
        pause_ns = write_in_a_stop(plan.pid, plan.started_ticks, changes)
    except WriteUnknown:
        raise  # not refused: some of it may be set
    except Exception as error:
        note(journal, REFUSED, why=str(error))
        raise
    note(journal, APPLIED, pause_ns=pause_ns)
    return pause_ns


def _bytes(write: WordWrite) -> Change:
    return Change(write.address, _raw(write.before, write.width_bytes), _raw(write.after, write.width_bytes))


def _raw(value: int, width_bytes: int) -> bytes:
    """Return ``value``, signed or not, in ``width_bytes`` little-endian bytes."""
    return (value % (1 << 8 * width_bytes)).to_bytes(width_bytes, "little")


def _require_said(plan: TunePlan, words: GcWords) -> None:
    said = {
        each.address: each.value
        for each in (words.percent, words.memory_limit, words.heap_minimum, words.trace) if each
    }  # fmt: skip
    wrong = [
        f"{each.name} is not what was written: the program itself may have set it since"
        for each in plan.changes
        if said.get(each.writes[0].address) != each.after
    ]
    if wrong:
        raise ProofFailed(tuple(wrong))


def _journal_change(change: SettingChange) -> dict[str, object]:
    writes = [
        {"address": w.address, "width_bytes": w.width_bytes, "before": w.before, "after": w.after}
        for w in change.writes
    ]
    return {"name": change.name, "takes_effect": change.takes_effect, "writes": writes}
