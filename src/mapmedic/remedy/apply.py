"""Do what a plan says: preflight, journal, remove, watch the memory, prove.

An error means that nothing was removed. From the commit on there are no errors any more, only an outcome
with its proof: figures that could not be had are missing there, and a proof without them fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from mapmedic.capture.agent import AgentLink, memory_point
from mapmedic.errors import MapmedicError, PreflightFailed
from mapmedic.model.health import HealthBars, UrlHealth
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import FixPlan, Outcome, Proof
from mapmedic.remedy.conditions import condition_json
from mapmedic.remedy.health import HealthWatch
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.plan import require_ready
from mapmedic.remedy.proof import Criteria, prove
from mapmedic.remedy.removal import Removal, remove_entries

Progress = Callable[[str, float], None]
_POLL_SECONDS = 0.5
# After the bar is met we look a little longer: memory that comes back at once is no cure.
_LINGER_SECONDS = 3.0


async def apply_fix(
    link: AgentLink,
    plan: FixPlan,
    journal: Journal,
    criteria: Criteria,
    progress: Progress,
    health: HealthWatch | None = None,
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
        before = await link.memory()
        progress("detaching, backing up, returning memory", 0.0)
        removal = await remove_entries(link, plan, journal, watch)
        points = await _watch(link, before, criteria, progress)
    after = removal.operation.get("memory_after")
    if not points and isinstance(after, dict):
        points = (memory_point(after),)
    counted = None if plan.removes == 0 else plan.entries
    proof = prove(before, points, counted, removal.left, criteria, watch.health())
    note(journal, "proved", passed=proof.passed)
    return _outcome(plan, removal, (before, *points), proof, journal, watch.health())


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
        before=timeline[0],
        after=timeline[-1] if len(timeline) > 1 else None,
        proof=proof,
        timeline=timeline,
        backup=removal.backup,
        health=health,
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
