"""Two observations of a service, one before and one after: did the memory come back, does it stay?"""

from __future__ import annotations

from dataclasses import replace

from mapmedic.errors import UsageError
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import MemoryPoint, Observation
from mapmedic.model.remedy import Check, Proof
from mapmedic.remedy.apply import Beside
from mapmedic.remedy.gc_checks import growth_check, live_slope, pause_check, trace_check
from mapmedic.remedy.proof import Criteria, baseline_check, prove

# Told, not failed: after a patch was rolled out two processes are what there is to compare.
_RESTARTED = Check(
    "same_process", None, None, None, None, False,
    "two processes: a restart, or another replica; that empties every map too, and is no proof of a fix",
    decides=False,
)  # fmt: skip


def compare(before: Observation, after: Observation, criteria: Criteria, beside: Beside) -> Proof:
    """Return the proof from the last moment of both; slopes where they were watched for long enough.

    UsageError where one of them holds no memory figures.
    """
    first, last = _last_point(before), _last_point(after)
    stats, now = _last_stats(before), _last_stats(after)
    more = [
        pause_check(stats, now, criteria.gc_pause_ms, None),
        growth_check(live_slope(before.timeline), live_slope(after.timeline), decides=True),
    ]
    if after.process.surely_other_than(before.process):
        more.append(_RESTARTED)
    if beside.baseline_heap_bytes is not None:
        more.append(baseline_check(beside.baseline_heap_bytes, last.heap_alloc_bytes, criteria.near_baseline))
    if beside.read_trace is not None:
        more.append(trace_check(beside.read_trace(), stats, now))
    return prove(first, (last,), None, criteria, more)


def baseline_heap(observation: Observation) -> int | None:
    """Return the most HeapAlloc that a healthy service showed: it swings between two collections."""
    sizes = [p.heap_alloc_bytes for p in observation.timeline if p.heap_alloc_bytes is not None]
    return max(sizes, default=None)


def _last_point(observation: Observation) -> MemoryPoint:
    if not observation.timeline:
        raise UsageError(
            f"{observation.target} holds no memory figures: /metrics and heap?debug=1 were missing"
        )
    point, stats = observation.timeline[-1], _last_stats(observation)
    if point.heap_idle_bytes is not None or stats is None:
        return point
    return replace(
        point,
        heap_idle_bytes=stats.heap_idle_bytes,
        heap_released_bytes=stats.heap_released_bytes,
        sys_bytes=stats.sys_bytes,
    )


def _last_stats(observation: Observation) -> MemStats | None:
    return next((c.memstats for c in reversed(observation.captures) if c.memstats is not None), None)
