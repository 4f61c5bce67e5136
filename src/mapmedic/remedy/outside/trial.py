"""Try whether a change could be made now, with nothing written: it says how long its process stands still for that."""

from __future__ import annotations

import time

from mapmedic.memory.access import require_readable
from mapmedic.memory.stop import Stop
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.remedy.outside.moments import Polling
from mapmedic.remedy.outside.way import Watch, Way

_NS_PER_MS = 1_000_000
_TRIES = 5
_BETWEEN_SECONDS = 0.02


def try_moments(
    pid: int, watch: Watch, way: Way, budget_ms: float
) -> tuple[tuple[float, ...], Unsafe | None]:
    """Return how long each stop took, in ms, and what forbids a change; None where there was a safe moment.

    ProcessUnreadable where the process cannot be stopped.
    """
    finder = Polling(pid, require_readable(pid), watch, budget_ms)
    stood: list[float] = []
    last: Unsafe | None = None
    for _ in range(_TRIES):
        with finder.moment() as held:
            if isinstance(held, Unsafe):
                last = held
            else:
                moment = watch.judge(held)
                last = moment if isinstance(moment, Unsafe) else _hindrance(held, way, moment)
        if not isinstance(held, Unsafe):
            stood.append(held.pause_ns / _NS_PER_MS)
        if last is None or not last.hindrance.may_pass:
            break
        time.sleep(_BETWEEN_SECONDS)
    return tuple(stood), last


def _hindrance(held: Stop, way: Way, moment: Safe) -> Unsafe | None:
    """Return what forbids what ``way`` would write; of what takes several stops only the moment is tried."""
    act = way.changes(held, moment) if way.is_one_write else None
    return act if isinstance(act, Unsafe) else None
