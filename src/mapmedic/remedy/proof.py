"""Whether a fix worked: figures before and after against bars, pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mapmedic.model.health import UrlHealth
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check, FixPlan, Proof
from mapmedic.model.units import NANOSECONDS_PER_SECOND
from mapmedic.remedy.figures import relative_change
from mapmedic.remedy.lag import explain_lag

# HeapAlloc and RSS of a busy service move by this share between two GCs with nothing done to them.
_ANY_GC_MOVES = 0.05
# A probe in twenty may be slow without anything amiss, and so may two: they met a GC.
_SLOW_SHARE = 0.05
_LEAST_SLOW = 3


@dataclass(frozen=True, slots=True)
class Criteria:
    """The bars: the guide's own are RSS down 40 % within 30 s.

    ``rss_drop`` and ``heap_drop`` are shares (0.4 is 40 % less); ``entries_drop`` likewise. ``gc_pause_ms``
    bounds the 99th percentile of the pauses after the fix, ``near_baseline`` how much more than a baseline
    HeapAlloc may be (0.25 is 25 %).
    """

    rss_drop: float = 0.4
    heap_drop: float = 0.4
    entries_drop: float = 0.5
    within_seconds: float = 30.0
    gc_pause_ms: float = 10.0
    near_baseline: float = 0.25

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


def prove(
    before: MemoryPoint,
    timeline: Sequence[MemoryPoint],
    entries: Check | None,
    criteria: Criteria,
    more: Sequence[Check] = (),
) -> Proof:
    """Return the proof from what was measured before the fix and what was measured after it.

    ``entries`` is the map's own count, None where nobody counted: two captures alone do not know it.
    """
    checks = [
        _memory_check("rss_bytes", before, timeline, lambda p: p.rss_bytes, criteria.rss_drop, criteria),
        _memory_check(
            "heap_alloc_bytes", before, timeline, lambda p: p.heap_alloc_bytes, criteria.heap_drop, criteria
        ),
        *([entries] if entries else []),
        *more,
    ]
    failed = [check.name for check in checks if check.decides and not check.passed]
    steps = (step for known, step in _NEXT_STEPS.items() if any(name.startswith(known) for name in failed))
    return Proof(passed=not failed, checks=tuple(checks), next_steps=tuple(dict.fromkeys(steps)))


# What fails, and what to do: the cause before what follows from it.
_NEXT_STEPS = {
    "service healthy": "look at the service first; what was dropped can be put back: mapmedic restore TARGET BACKUP",
    "collector_restored": "put the collector's period back: mapmedic doctor --repair   (--journal as here)",
    "whole": "the same command again: what is left is chosen anew",
    "entries": "see who fills the map: mapmedic diagnose TARGET --for 60s --gc --source DIR",
    "heap_alloc_bytes": "see what holds the heap now: mapmedic diagnose TARGET --for 60s --gc",
    "heap_baseline": "see what holds the heap now: mapmedic diagnose TARGET --for 60s --gc",
    "rss_bytes": "look again in a minute, when two more GCs have run: mapmedic verify BEFORE AFTER",
    "gc_pause_p99": "see what the collector has to do: mapmedic diagnose TARGET --for 60s",
    "growth": "the leak is still there: mapmedic diagnose TARGET --for 60s --gc --source DIR",
    "gctrace_agrees": "give the log of this very process, from before the fix to after it",
}


def baseline_check(baseline: int | None, now: int | None, near: float) -> Check:
    """Tell whether HeapAlloc is back within ``near`` (0.25 is 25 % more) of what it was when all was well."""
    change = relative_change(baseline, now)
    passed = change is not None and change <= near
    why = "back near the baseline" if passed else "more than the baseline had, by more than the bar"
    if change is None:
        why = "not known: the baseline or the target shows no HeapAlloc"
    return Check("heap_baseline", baseline, now, change, near, passed, why, "bytes")


def health_check(health: UrlHealth) -> Check:
    """Compare the 95th percentile of the latency before with that from the fix on.

    Any failure decides, and slow answers that are no chance: more than one in twenty, and three of them at least.
    """
    phases = [phase for phase in (health.during, health.after) if phase.p95_ms is not None]
    after = max((phase.p95_ms for phase in phases if phase.p95_ms is not None), default=None)
    failed = health.during.failed + health.after.failed
    probes = health.during.probes + health.after.probes
    slow = health.during.slow + health.after.slow
    often_slow = slow >= _LEAST_SLOW and slow > _SLOW_SHARE * probes
    why = health.unwell or f"{failed} of {probes} probes failed, {slow} were slow"
    return Check(
        name=f"service healthy: {health.url}",
        before=health.before.p95_ms,
        after=after,
        change=relative_change(health.before.p95_ms, after),
        threshold=health.bar_ms,
        passed=health.well and after is not None and failed == 0 and not often_slow,
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
        why=_why(
            name, change, passed, _first_met(before, timeline, value, drop), criteria, drop, timeline[-1:]
        ),
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
    name: str,
    change: float | None,
    passed: bool,
    met: float | None,
    criteria: Criteria,
    drop: float,
    last: Sequence[MemoryPoint],
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
        return waited + explain_lag(last[0])
    return "the heap still holds it: something else refers to the entries, or traffic has refilled the map"


def entries_check(before: int, after: int | None, criteria: Criteria) -> Check:
    """Tell whether the entries left the map: ``after`` is counted when they are out."""
    change = relative_change(before, after)
    passed = change is not None and change <= -criteria.entries_drop
    why = "the map holds only what came since" if passed else "the map is as full as it was"
    if after is None:
        why = "the agent could not count the entries"
    elif change is None:
        why = "the map was empty before"
    return Check("entries", before, after, change, -criteria.entries_drop, passed, why, "entries")


def kept_check(scanned: object, kept: object) -> Check:
    """Tell whether a shrink carried every entry over into the new map."""
    before, after = (each if isinstance(each, int) else None for each in (scanned, kept))
    passed = before is not None and before == after
    why = "every entry is in the new map" if passed else "the new map does not hold what the old one did"
    if before is None or after is None:
        why = "the agent does not say how many it carried over"
    return Check(
        "entries_kept", before, after, relative_change(before, after), before, passed, why, "entries"
    )
