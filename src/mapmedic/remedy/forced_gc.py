"""Let a running program collect its garbage now, from outside: memory that a fix freed comes back sooner.

The runtime forces a collection when the last one was longer ago than ``forcegcperiod``, two minutes (src/runtime,
proc.go: sysmon; mgc.go: gcTrigger.test). That one number is made small until enough collections have
ended, and put back. The journal has it before it is written, so that after our death ``repair.py`` can put it back.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from mapmedic.errors import PreflightFailed
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import started_ticks
from mapmedic.model.change import Change
from mapmedic.model.gc_words import GcWord, GcWords
from mapmedic.model.remedy import Condition
from mapmedic.model.tuning import Collections
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.stopped_write import MAX_PAUSE_MS, write_in_a_stop

BEGUN, RESTORED = "collections.begun", "collections.restored"
# Between two forced collections, so that the program's own work goes on between them.
_PERIOD_NS = 100_000_000
_POLL_SECONDS = 0.02

Progress = Callable[[str, float], None]


def force_collections(
    pid: int, words: GcWords, wanted: int, journal: Journal, *, within_seconds: float, progress: Progress
) -> Collections:
    """Force ``wanted`` collections in process ``pid``, for ``within_seconds`` at most; the period is put back after it.

    PreflightFailed where it cannot be done, with nothing written. A program in which nothing at all happens may sleep
    for a minute before it looks at the time: then fewer have ended.
    """
    period, ended_at = _required(words)
    usual = struct.pack("<q", period.value)
    short = Change(period.address, usual, struct.pack("<q", _PERIOD_NS))
    started = started_ticks(pid)
    journal.write(
        BEGUN, pid=pid, started_ticks=started, boot=boot_id(), address=short.address,
        before=period.value, after=_PERIOD_NS,
    )  # fmt: skip
    began = time.monotonic()
    write_in_a_stop(pid, started, [short])
    try:
        ended = _wait(pid, ended_at, wanted, began + within_seconds, progress)
    finally:
        write_in_a_stop(pid, started, [Change(short.address, short.new, short.old)])
        note(journal, RESTORED)
    return Collections(wanted, ended, time.monotonic() - began)


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


def _wait(pid: int, ended_at: GcWord, wanted: int, until: float, progress: Progress) -> int:
    """Return how many collections ended until ``until``; ``wanted`` are enough."""
    again, last, ended = ProcessAgain(pid, MAX_PAUSE_MS), ended_at.value, 0
    while ended < wanted and time.monotonic() < until:
        (raw,) = again.read([(ended_at.address, ended_at.width_bytes)])
        now = last if raw is None else struct.unpack("<q", raw)[0]
        ended, last = ended + (now != last), now
        progress("waiting for collections", ended / wanted)
        time.sleep(_POLL_SECONDS)
    return ended
