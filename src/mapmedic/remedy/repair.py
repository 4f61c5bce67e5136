"""Put back what an earlier run of ours left changed because it was killed, as its journal has it."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapmedic.errors import MapmedicError
from mapmedic.memory.process import started_ticks
from mapmedic.model.change import Change
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.forced_gc import BEGUN, RESTORED
from mapmedic.remedy.journal import SCHEMA, is_in_use
from mapmedic.remedy.stopped_write import write_in_a_stop

_MOST_JOURNALS, _MOST_BYTES = 10_000, 1 << 20


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
    """Put ``left`` back. WriteRefused where something else lies there by now; ProcessUnreadable where it ended."""
    write_in_a_stop(left.pid, left.started_ticks, [left.change])
    with left.journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"schema": SCHEMA, "at_unix_ns": time.time_ns(), "event": RESTORED}) + "\n")


def _open_in(journal: Path) -> Iterator[LeftOver]:
    if is_in_use(journal):
        return
    events = list(_events(journal))
    begun = [each for each in events if each.get("event") == BEGUN]
    if not begun or any(each.get("event") == RESTORED for each in events):
        return
    left = _left_over(journal, begun[-1])
    if left is not None:
        yield left


def _left_over(journal: Path, event: dict[str, Any]) -> LeftOver | None:
    """Return what ``event`` tells of, None where its process is no more, or it makes no sense."""
    try:
        pid = int(event["pid"])
        started = started_ticks(pid)
        alive = event["boot"] == boot_id() and event["started_ticks"] == started
        now, before = (struct.pack("<q", int(event[name])) for name in ("after", "before"))
        change = Change(int(event["address"]), now, before)
    except (KeyError, TypeError, ValueError, struct.error, MapmedicError):
        return None
    return LeftOver(journal, pid, started, change) if alive else None


def _events(journal: Path) -> Iterator[dict[str, Any]]:
    try:
        with journal.open("rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:  # cut short by our death, or by a disk that was full
            continue
        if isinstance(event, dict):
            yield event
