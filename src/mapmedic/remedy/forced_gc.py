"""Let a running program collect its garbage now, from outside: memory that a fix freed comes back sooner.

The runtime forces a collection when the last one was longer ago than ``forcegcperiod``, two minutes (src/runtime,
proc.go: sysmon; mgc.go: gcTrigger.test). That one number is made small until enough collections have
ended, and put back. The journal has it before it is written, so that after our death ``repair.py`` can put it back.
"""

from __future__ import annotations

import shlex
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapmedic.errors import MapmedicError, PreflightFailed, ProcessUnreadable
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.model.change import Change
from mapmedic.model.gc_words import GcWord, GcWords
from mapmedic.model.remedy import Condition
from mapmedic.model.tuning import Collections
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.journal import Journal, default_folder, note
from mapmedic.remedy.knock import knock
from mapmedic.remedy.stopped_write import MAX_PAUSE_MS, write_in_a_stop
from mapmedic.remedy.uninterrupted import uninterrupted

BEGUN, KNOCKED, RESTORED = "collections.begun", "collections.knocked", "collections.restored"
NOT_RESTORED = "collections.not_restored"
# Between two forced collections, so that the program's own work goes on between them.
_PERIOD_NS = 100_000_000
_POLL_SECONDS = 0.02
# A program in which anything happens has begun a collection by then, unless it is slow: a knock does no harm.
_ASLEEP_SECONDS = 1.0

Progress = Callable[[str, float], None]


def force_collections(
    pid: int, words: GcWords, wanted: int, journal: Journal, *, within_seconds: float, progress: Progress
) -> Collections:
    """Force ``wanted`` collections in process ``pid``, for ``within_seconds`` at most; the period is put back after it.

    PreflightFailed, WriteRefused or ProcessUnreadable where it cannot be done, with nothing written; a period that
    could not be put back is told (``restored``). A program in which nothing at all happens may sleep
    for a minute before it looks at the time: it is woken by a connection to a port of its own (``knock``). Where that
    cannot be, fewer have ended.
    """
    period, ended_at = _required(words)
    usual = struct.pack("<q", period.value)
    short = Change(period.address, usual, struct.pack("<q", _PERIOD_NS))
    started = started_ticks(pid)
    began = time.monotonic()
    restored, ended = True, 0
    try:
        # Not even a second signal comes between: a word that is left short has collections run for ever.
        with uninterrupted() as came:
            journal.write(
                BEGUN, pid=pid, started_ticks=started, boot=boot_id(), address=short.address,
                before=period.value, after=_PERIOD_NS,
            )  # fmt: skip
            write_in_a_stop(pid, started, [short])
            try:
                ended = _wait(pid, ended_at, wanted, began + within_seconds, _Tell(progress, journal, came))
            finally:
                restored = _put_back(pid, started, Change(short.address, short.new, short.old), journal)
    except KeyboardInterrupt as stop:
        if not restored:
            stop.add_note(not_restored(journal.path.parent))
        raise
    return Collections(wanted, ended, time.monotonic() - began, restored)


def not_restored(folder: Path) -> str:
    """Return what to say of a period that could not be put back; the journals that tell of it are in ``folder``."""
    return (
        "the time after which the runtime forces a collection could not be put back, so it collects ten times a "
        f"second until that is done: {repair_command(folder)}"
    )


def repair_command(folder: Path) -> str:
    """Return the command that puts back what the journals in ``folder`` say was left changed."""
    where = "" if folder == default_folder() else f" --journal {shlex.quote(str(folder))}"
    return f"mapmedic doctor --repair{where}"


def _put_back(pid: int, started: int, change: Change, journal: Journal) -> bool:
    """Return whether the period is what it was; of a process that has ended there is nothing to put back."""
    try:
        write_in_a_stop(pid, started, [change])
    except MapmedicError as error:
        note(journal, NOT_RESTORED, why=str(error))
        return not _runs(pid, started)
    note(journal, RESTORED)
    return True


def _runs(pid: int, started: int) -> bool:
    try:
        return read_facts(pid).has_memory and started_ticks(pid) == started
    except ProcessUnreadable:
        return False


def _required(words: GcWords) -> tuple[GcWord, GcWord]:
    """Return the period and the end of the last collection."""
    condition = may_force(words)
    if words.force_period is None or words.finished_at is None or not condition.holds:
        raise PreflightFailed((f"{condition.name}: {condition.why}",))
    return words.force_period, words.finished_at


def may_force(words: GcWords) -> Condition:
    """Return whether collections can be forced in a program that says ``words``."""
    name = "the runtime's own clock forces collections"
    if words.percent is None or words.percent.value < 0:
        return Condition(name, False, "with GOGC off it forces none")
    if words.force_period is None or words.finished_at is None:
        why = "the two minutes between them are not where they should be: try mapmedic doctor --repair"
        return Condition(name, False, why)
    return Condition(name, True, f"the two minutes between them are at {words.force_period.address:#x}")


@dataclass(frozen=True, slots=True)
class _Tell:
    """Who is told how far it is; ``came`` are the signals that want it to end."""

    progress: Progress
    journal: Journal
    came: Sequence[int]


def _wait(pid: int, ended_at: GcWord, wanted: int, until: float, tell: _Tell) -> int:
    """Return how many collections ended until ``until``; ``wanted`` are enough."""
    again, last, ended = ProcessAgain(pid, MAX_PAUSE_MS), ended_at.value, 0
    asleep_at = time.monotonic() + _ASLEEP_SECONDS
    while ended < wanted and time.monotonic() < until and not tell.came:
        try:
            (raw,) = again.read([(ended_at.address, ended_at.width_bytes)])
        except ProcessUnreadable:  # it ended, or cannot be read any more
            break
        now = last if raw is None else struct.unpack("<q", raw)[0]
        ended, last = ended + (now != last), now
        if not ended and time.monotonic() > asleep_at:
            note(tell.journal, KNOCKED, at=knock(pid))
            asleep_at = time.monotonic() + _ASLEEP_SECONDS
        tell.progress("waiting for collections", ended / wanted)
        time.sleep(_POLL_SECONDS)
    return ended
