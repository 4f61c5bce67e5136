"""Judge a process while it runs, right before it is stopped: what is done for the second time takes half as long.

What is warm then: the processor's caches, the pages of our own that are read, what Python has specialised. What the
judgement says is thrown away; the one that counts is made anew, of what is read in the stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mapmedic.errors import MapmedicError
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.reader import Place, ThreadState
from mapmedic.model.watched_word import CaughtWrite
from mapmedic.remedy.outside.way import Watch

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Running:
    """Process ``pid``, which runs, in the place of one that stands still: what is read is of no single moment."""

    pid: int
    left_ns: int
    again: ProcessAgain
    threads: tuple[ThreadState, ...] = ()
    writes: tuple[CaughtWrite, ...] = ()

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places`` now."""
        return self.again.read(places)


def rehearse(watch: Watch, pid: int, budget_ms: float) -> None:
    """Have ``watch`` judge process ``pid``, which runs, and forget what it says."""
    with suppress(MapmedicError):
        watch.judge(Running(pid, int(budget_ms * _NS_PER_MS), ProcessAgain(pid, budget_ms)))
