"""Whether a fix worked: figures before and after against bars, pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mapmedic.model.health import UrlHealth
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check, FixPlan, Proof
from mapmedic.model.units import NANOSECONDS_PER_SECOND

# HeapAlloc and RSS of a busy service move by this share between two GCs with nothing done to them.
_ANY_GC_MOVES = 0.05


@dataclass(frozen=True, slots=True)
class Criteria:
    """The bars: the guide's own are RSS down 40 % within 30 s.

    ``rss_drop`` and ``heap_drop`` are shares (0.4 is 40 % less); ``entries_drop`` likewise.
    """

    rss_drop: float = 0.4
    heap_drop: float = 0.4
    entries_drop: float = 0.5
    within_seconds: float = 30.0

    def memory_met(self, before: MemoryPoint, now: MemoryPoint) -> bool:
        """Tell whether ``now`` meets both memory bars."""
        rss = relative_change(before.rss_bytes, now.rss_bytes)
        heap = relative_change(before.heap_alloc_bytes, now.heap_alloc_bytes)
        return (rss is None or rss <= -self.rss_drop) and heap is not None and heap <= -self.heap_drop


def criteria_for(plan: FixPlan, drop: float | None = None, within_seconds: float = 30.0) -> Criteria:
    """Return the bars for ``plan``: ``drop`` for RSS and heap, by default 40 % of the share that leaves the map.

    A shrink removes no entry; what it frees nobody knows before, so the whole 40 % are asked of it.
    """
    # Counted at two moments, more can fit than there were: no bar may ask for more than everything.
    share = min(1.0, plan.removes) if plan.removes else 1.0
    memory = 0.4 * share if drop is None else drop
    return Criteria(memory, memory, 0.5 * share, within_seconds)


def relative_change(before: float | None, after: float | None) -> float | None:
    """Return (after - before) / before, None where either is unknown or before is 0."""
    if before is None or after is None or before == 0:
        return None
    return (after - before) / before


def prove(
    before: MemoryPoint,
    timeline: Sequence[MemoryPoint],
    entries_before: int | None,
    entries_after: int | None,
    criteria: Criteria,
    health: Sequence[UrlHealth] = (),
) -> Proof:
    """Return the proof from what was measured before the fix and what was measured after it.

    ``entries_before`` of None leaves the map's own count out: two captures alone do not know it.
    """
    checks = [
        _memory_check("rss_bytes", before, timeline, lambda p: p.rss_bytes, criteria.rss_drop, criteria),
        _memory_check(
            "heap_alloc_bytes", before, timeline, lambda p: p.heap_alloc_bytes, criteria.heap_drop, criteria
        ),
    ]
    if entries_before is not None:
        checks.append(_entries_check(entries_before, entries_after, criteria))
    checks += [_health_check(each) for each in health]
    return Proof(passed=all(check.passed for check in checks), checks=tuple(checks))


def _health_check(health: UrlHealth) -> Check:
    """Compare the 95th percentile of the latency before with that from the fix on; failures decide as well."""
    phases = [phase for phase in (health.during, health.after) if phase.p95_ms is not None]
    after = max((phase.p95_ms for phase in phases if phase.p95_ms is not None), default=None)
    failed = health.during.failed + health.after.failed
    probes = health.during.probes + health.after.probes
    why = (
        health.unwell
        or f"{failed} of {probes} probes failed, {health.during.slow + health.after.slow} were slow"
    )
    return Check(
        name=f"service healthy: {health.url}",
        before=health.before.p95_ms,
        after=after,
        change=relative_change(health.before.p95_ms, after),
        threshold=health.bar_ms,
        passed=health.well and after is not None and failed == 0,
        why=why,
        unit="ms",
    )


def _memory_check(
    name: str,
    before: MemoryPoint,
    timeline: Sequence[MemoryPoint],
    value: Callable[[MemoryPoint], int | None],
    drop: float,
    criteria: Criteria,
) -> Check:
    last = value(timeline[-1]) if timeline else None
    change = relative_change(value(before), last)
    passed = change is not None and change <= -drop
    return Check(
        name=name,
        before=value(before),
        after=last,
        change=change,
        threshold=-drop,
        passed=passed,
        why=_why(name, change, passed, _first_met(before, timeline, value, drop), criteria, drop),
        unit="bytes",
    )


def _first_met(
    before: MemoryPoint,
    timeline: Sequence[MemoryPoint],
    value: Callable[[MemoryPoint], int | None],
    drop: float,
) -> float | None:
    """Return after how many seconds the bar was first met."""
    for point in timeline:
        change = relative_change(value(before), value(point))
        if change is not None and change <= -drop:
            return (point.at - before.at) / NANOSECONDS_PER_SECOND
    return None


def _why(
    name: str, change: float | None, passed: bool, met: float | None, criteria: Criteria, drop: float
) -> str:
    if change is None:
        return "nobody measured it: the target shows no such figure"
    if passed and met is not None and drop < _ANY_GC_MOVES:
        return f"met after {met:.1f} s, but a GC alone can move it by as much: that proves little"
    if passed and met is not None:
        return f"met after {met:.1f} s"
    if met is not None:
        return f"met after {met:.1f} s, but it rose again"
    if name == "rss_bytes":
        waited = f"after {criteria.within_seconds:g} s " if criteria.within_seconds else ""
        return (
            f"{waited}the kernel still counts it: freed heap goes back when a second "
            "or third GC has run and the scavenger with it (HeapIdle - HeapReleased), or something else holds it"
        )
    return "the heap still holds it: something else refers to the entries, or traffic has refilled the map"


def _entries_check(before: int, after: int | None, criteria: Criteria) -> Check:
    change = relative_change(before, after)
    passed = change is not None and change <= -criteria.entries_drop
    why = "the map holds only what came since" if passed else "the map is as full as it was"
    if after is None:
        why = "the agent could not count the entries"
    elif change is None:
        why = "the map was empty before"
    return Check("entries", before, after, change, -criteria.entries_drop, passed, why, "entries")
