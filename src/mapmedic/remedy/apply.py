"""Do what a plan says: preflight, journal, remove, watch the memory, prove.

An error means that nothing was removed. From the commit on there are no errors any more, only an outcome
with its proof: figures that could not be had are missing there, and a proof without them fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from mapmedic.capture.agent import AgentLink, memory_point
from mapmedic.errors import MapmedicError, PreflightFailed
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.health import HealthBars, UrlHealth
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check, FixPlan, Outcome, Proof
from mapmedic.remedy.conditions import condition_json
from mapmedic.remedy.gc_checks import growth_check, live_slope, pause_check, trace_check
from mapmedic.remedy.health import HealthWatch
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.plan import require_ready
from mapmedic.remedy.proof import Criteria, baseline_check, entries_check, health_check, kept_check, prove
from mapmedic.remedy.removal import Removal, remove_entries

Progress = Callable[[str, float], None]
_POLL_SECONDS = 0.5
# After the bar is met we look a little longer: memory that comes back at once is no cure.
_LINGER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Beside:
    """What the proof may look at beside the target: HeapAlloc when all was well, the log of the GC afterwards."""

    baseline_heap_bytes: int | None = None
    read_trace: Callable[[], GcTrace] | None = None


_NOTHING = Beside()


async def apply_fix(
    link: AgentLink,
    plan: FixPlan,
    journal: Journal,
    criteria: Criteria,
    progress: Progress,
    health: HealthWatch | None = None,
    beside: Beside = _NOTHING,
) -> Outcome:
    """Apply ``plan``, watch the memory and return the outcome with its proof.

    PreflightFailed, with nothing touched, where a condition does not hold; the agent's refusals likewise.
    HealthTurnedBad, with everything put back, where ``health`` finds the service unwell before the commit.
    """
    journal.write("planned", plan=_plan_facts(plan))
    try:
        require_ready(plan)
    except PreflightFailed as error:
        note(journal, "refused", why=str(error))
        raise
    async with health or HealthWatch(None, (), HealthBars()) as watch:
        before, stats = await link.memory(), await link.memstats()
        progress("detaching, backing up, returning memory", 0.0)
        removal = await remove_entries(link, plan, journal, watch)
        # What the drop gives back is measured from the moment before it: while the backup is made, traffic goes on.
        full = removal.held or before
        points = await _watch(link, full, criteria, progress)
    after = removal.operation.get("memory_after")
    at_commit = (memory_point(after),) if isinstance(after, dict) else ()
    points = points or at_commit
    more = [
        *_gc_checks(stats, await link.memstats(), at_commit, full, points, criteria, beside),
        *map(health_check, watch.health()),
    ]
    proof = prove(full, points, _count_check(plan, removal, criteria), criteria, more)
    note(journal, "proved", passed=proof.passed)
    return _outcome(plan, removal, (before, *points), proof, journal, watch.health())


def _count_check(plan: FixPlan, removal: Removal, criteria: Criteria) -> Check | None:
    if plan.strategy == "shrink":
        return kept_check(removal.operation.get("scanned"), removal.operation.get("kept"))
    return None if plan.entries is None else entries_check(plan.entries, removal.left, criteria)


def _gc_checks(
    first: MemStats | None,
    last: MemStats | None,
    at_commit: tuple[MemoryPoint, ...],
    before: MemoryPoint,
    points: tuple[MemoryPoint, ...],
    criteria: Criteria,
    beside: Beside,
) -> list[Check]:
    since = at_commit[0].num_gc if at_commit else None
    now = points[-1].heap_alloc_bytes if points else None
    checks = [pause_check(first, last, criteria.gc_pause_ms, since)]
    given_up = None if now is None or before.heap_alloc_bytes is None else before.heap_alloc_bytes - now
    # Emptying a map does not mend the line that fills it: what grows again is told, and fails nothing.
    checks.append(growth_check(None, live_slope(points), decides=False, full_bytes=given_up))
    if beside.baseline_heap_bytes is not None:
        checks.append(baseline_check(beside.baseline_heap_bytes, now, criteria.near_baseline))
    if beside.read_trace is not None:
        checks.append(_trace_check(beside.read_trace, first, last))
    return checks


def _trace_check(read: Callable[[], GcTrace], first: MemStats | None, last: MemStats | None) -> Check:
    try:
        return trace_check(read(), first, last)
    except MapmedicError as error:  # the fix is done: a log that cannot be read is a failed check
        return Check("gctrace_agrees", None, None, None, None, False, str(error), "collections")


async def _watch(
    link: AgentLink, before: MemoryPoint, criteria: Criteria, progress: Progress
) -> tuple[MemoryPoint, ...]:
    """Return the memory from now until it has stayed below the bars for a while, or time is up."""
    points: list[MemoryPoint] = []
    start = time.monotonic()
    met_at: float | None = None
    while (elapsed := time.monotonic() - start) < criteria.within_seconds:
        point = await _memory_within(link, criteria.within_seconds - elapsed)
        if point is not None:
            points.append(point)
            met = criteria.memory_met(before, point)
            met_at = (elapsed if met_at is None else met_at) if met else None
        if met_at is not None and elapsed - met_at >= _LINGER_SECONDS:
            break
        progress("watching memory come back", elapsed / criteria.within_seconds)
        await asyncio.sleep(_POLL_SECONDS)
    return tuple(points)


async def _memory_within(link: AgentLink, seconds: float) -> MemoryPoint | None:
    try:
        async with asyncio.timeout(seconds):
            return await link.memory()
    except (MapmedicError, TimeoutError):
        return None  # a gap in the timeline; the fix is done


def _outcome(
    plan: FixPlan,
    removal: Removal,
    timeline: tuple[MemoryPoint, ...],
    proof: Proof,
    journal: Journal,
    health: tuple[UrlHealth, ...],
) -> Outcome:
    operation = removal.operation
    return Outcome(
        plan=plan,
        applied=True,
        operation=str(operation.get("id")),
        pause_ns=_whole(operation.get("lock_hold_ns")),
        entries_removed=_whole(operation.get("dropped")),
        journal_path=str(journal.path),
        before=removal.held or timeline[0],
        after=timeline[-1] if len(timeline) > 1 else None,
        proof=proof,
        timeline=(timeline[0], *([removal.held] if removal.held else []), *timeline[1:]),
        backup=removal.backup,
        health=health,
        dropped_at=removal.held.at if removal.held else None,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plan_facts(plan: FixPlan) -> dict[str, object]:
    return {
        "target": plan.target,
        "map": plan.map,
        "strategy": plan.strategy,
        "entries": plan.entries,
        "where": [condition_json(condition) for condition in plan.where],
        "matches": plan.matches,
        "backup": plan.backup is not None,
        "conditions": [[c.name, c.holds, c.why] for c in plan.conditions],
    }
