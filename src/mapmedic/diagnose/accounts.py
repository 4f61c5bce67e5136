"""Where the process's memory is, by the runtime's own counters: what Go holds, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.diagnose.case import Case
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import Capture
from mapmedic.model.units import NANOSECONDS_PER_SECOND

# A timeline point this far from a capture says nothing about it.
_NEAR_SECONDS = 5.0
# The scavenger keeps a tenth above the next goal (src/runtime/mgcscavenge.go, retainExtraPercent).
_KEPT_ABOVE_GOAL = 1.1


@dataclass(frozen=True, slots=True)
class Account:
    """One capture's memory in bytes.

    ``held_by_go``: all that Go has from the system and has not returned. ``beyond_goal``: heap that the next
    GC cycle will not need and that has not been returned. ``goal``: at which heap size the next GC starts.
    ``released``: returned to the system, and not in ``held_by_go``. ``rss``: None where nobody measured it.
    """

    held_by_go: int
    beyond_goal: int
    goal: int
    stacks: int
    released: int
    rss: int | None

    @property
    def outside_go(self) -> int | None:
        """Return resident memory that Go knows nothing of; None where RSS is unknown."""
        return None if self.rss is None else max(0, self.rss - self.held_by_go)


def accounts(case: Case) -> list[Account]:
    """Return the account of each capture that has the runtime's counters, oldest first."""
    return [_account(case, c, c.memstats) for c in case.observation.captures if c.memstats is not None]


def _account(case: Case, capture: Capture, stats: MemStats) -> Account:
    heap = stats.heap_sys_bytes - stats.heap_released_bytes
    needed = max(_KEPT_ABOVE_GOAL * stats.next_gc_bytes, stats.heap_inuse_bytes)
    return Account(
        held_by_go=stats.sys_bytes - stats.heap_released_bytes,
        beyond_goal=max(0, int(heap - needed)),
        goal=stats.next_gc_bytes,
        stacks=stats.stack_inuse_bytes,
        released=stats.heap_released_bytes,
        rss=_rss_near(case, capture),
    )


def _rss_near(case: Case, capture: Capture) -> int | None:
    points = [point for point in case.observation.timeline if point.rss_bytes is not None]
    nearest = min(points, key=lambda point: abs(point.at - capture.at), default=None)
    if nearest is None or abs(nearest.at - capture.at) > _NEAR_SECONDS * NANOSECONDS_PER_SECOND:
        return None
    return nearest.rss_bytes
