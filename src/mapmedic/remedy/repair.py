"""Put back what an earlier run of ours left changed because it was killed, as its journal has it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mapmedic.capture.journal_file import iter_events
from mapmedic.errors import CannotRead, JournalUnwritable, MapmedicError
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import started_ticks
from mapmedic.model.change import Change
from mapmedic.model.journal import JournalEvent
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.forced_gc import BEGUN, RESTORED
from mapmedic.remedy.journal import Journal, is_in_use, note
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.stopped_write import MAX_PAUSE_MS, write_in_a_stop

_MOST_JOURNALS = 10_000


@dataclass(frozen=True, slots=True)
class LeftOver:
    """One word of process ``pid`` that we made another and did not put back; ``journal`` tells of it."""

    journal: Path
    pid: int
    started_ticks: int
    change: Change


def find_left_overs(folder: Path) -> tuple[LeftOver, ...]:
    """Return what the journals in ``folder`` say was left changed in processes that still run."""
    try:
        journals = sorted(folder.glob("*.jsonl"))[-_MOST_JOURNALS:]
    except OSError:
        return ()
    return tuple(left for journal in journals for left in _open_in(journal))


def repair(left: LeftOver) -> None:
    """Put ``left`` back. Refused where something else lies there by now, or somebody changes the process.

    ProcessUnreadable where it ended.
    """
    with hold_process(left.pid):
        write_in_a_stop(left.pid, left.started_ticks, [left.change])
    with suppress(JournalUnwritable):  # it is done; that the word is as it was can be seen without
        journal = Journal.go_on(left.journal)
        note(journal, RESTORED)
        journal.close()


def _open_in(journal: Path) -> Iterator[LeftOver]:
    if is_in_use(journal):
        return
    last = None
    try:
        for each in iter_events(journal, (BEGUN, RESTORED)):
            last = each
    except CannotRead:
        return
    left = _left_over(journal, last) if last is not None and last.name == BEGUN else None
    if left is not None:
        yield left


def _left_over(journal: Path, event: JournalEvent) -> LeftOver | None:
    """Return what ``event`` tells of, None where its process is no more, says something else, or it makes no sense."""
    facts = event.facts
    try:
        pid = int(facts["pid"])
        started = started_ticks(pid)
        alive = facts["boot"] == boot_id() and facts["started_ticks"] == started
        now, before = (struct.pack("<q", int(facts[name])) for name in ("after", "before"))
        change = Change(int(facts["address"]), now, before)
        # A run may have been refused before it wrote, or killed right after it put everything back.
        said = ProcessAgain(pid, MAX_PAUSE_MS).read([(change.address, len(now))]) if alive else []
    except (KeyError, TypeError, ValueError, OverflowError, struct.error, MapmedicError):
        return None
    return LeftOver(journal, pid, started, change) if said == [now] else None
