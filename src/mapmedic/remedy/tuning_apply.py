"""Set what steers a running program's collector: journal, one short stop, plain writes, and a look at what it says."""

from __future__ import annotations

from mapmedic.errors import PreflightFailed, ProofFailed, WriteRefused
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import started_ticks
from mapmedic.memory.program import read_program
from mapmedic.memory.stop import stop
from mapmedic.memory.writer import Change, write_changes
from mapmedic.model.gc_words import GcWords
from mapmedic.model.tuning import SettingChange, TuneOutcome, TunePlan, WordWrite
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.journal import Journal, note

# A write of some bytes takes microseconds; the rest is for threads that are slow to stop.
_MAX_PAUSE_MS = 20.0
PLANNED, APPLIED, REFUSED = "tune.planned", "tune.applied", "tune.refused"


def apply_tuning(plan: TunePlan, journal: Journal) -> TuneOutcome:
    """Carry out ``plan`` and return what the collector says afterwards; journal first.

    PreflightFailed, WriteRefused or ProcessUnreadable leave everything as it was; ProofFailed where the program
    says something else than what was written.
    """
    if not plan.ready or not plan.changes:
        raise PreflightFailed(tuple(c.name for c in plan.conditions if not c.holds) or ("nothing to set",))
    journal.write(
        PLANNED, pid=plan.pid, program=plan.program, started_ticks=plan.started_ticks, boot=boot_id(),
        changes=[_journal_change(each) for each in plan.changes],
    )  # fmt: skip
    try:
        pause_ns = _write(plan)
    except Exception as error:
        note(journal, REFUSED, why=str(error))
        raise
    note(journal, APPLIED, pause_ns=pause_ns)
    words = find_gc_words(read_program(plan.pid))
    _require_said(plan, words)
    return TuneOutcome(plan, pause_ns, str(journal.path), words)


def _write(plan: TunePlan) -> int:
    """Write everything in one stop and return how long it took, in ns."""
    facts = require_readable(plan.pid)
    with stop(plan.pid, facts, _MAX_PAUSE_MS) as standing:
        # Standing still, it cannot end and have its number given to another.
        if started_ticks(plan.pid) != plan.started_ticks:
            raise WriteRefused(plan.pid, plan.changes[0].writes[0].address, "it is another process by now")
        write_changes(standing, [_bytes(write) for each in plan.changes for write in each.writes])
    return standing.pause_ns


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
