"""Do what a plan says, through the agent: detach, look, commit; on any doubt put everything back.

Between detach and commit the agent holds the entries. If we die there, the agent puts them back by
itself when the hold expires, so no death of ours loses an entry.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mapmedic.capture.agent import API, AgentLink, memory_point
from mapmedic.errors import CouldNotLook, MapmedicError, TargetUnreachable
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import FixPlan, Outcome, Proof
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.plan import require_ready
from mapmedic.remedy.proof import Criteria, prove

Progress = Callable[[str, float], None]
_POLL_SECONDS = 0.5
# After the bar is met we look a little longer: memory that comes back at once is no cure.
_LINGER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What the agent says it did."""

    operation: dict[str, Any]
    before: MemoryPoint


async def apply_fix(
    link: AgentLink, plan: FixPlan, journal: Journal, criteria: Criteria, progress: Progress
) -> Outcome:
    """Apply ``plan``, watch the memory and return the outcome with its proof.

    PreflightFailed, with nothing touched, where a condition does not hold; the agent's refusals likewise.
    """
    journal.write("planned", plan=_plan_facts(plan))
    require_ready(plan)
    before = await link.memory()
    applied = await _detach_and_commit(link, plan, journal, before, progress)
    timeline = await _watch(link, before, criteria, progress)
    entries_after = await _entries_now(link, plan.map)
    proof = prove(before, timeline, plan.entries, entries_after, criteria)
    journal.write("proved", passed=proof.passed)
    return _outcome(plan, applied, timeline, proof, journal)


async def _detach_and_commit(
    link: AgentLink, plan: FixPlan, journal: Journal, before: MemoryPoint, progress: Progress
) -> Applied:
    progress("detaching", 0.0)
    identity = await _detach(link, plan, journal)
    progress("returning memory", 0.1)
    try:
        await link.memory()  # the service still answers, so the swap did it no harm
        journal.write("committing", operation=identity)
        path = f"{API}/operations/{identity}/commit"
        committed = await link.call("POST", path, {"return_memory": plan.return_memory})
    except BaseException:
        late = await _committed_after_all(link, identity, journal)
        if late is None:
            await _put_back(link, identity, journal)
            raise
        committed = late
    journal.write("committed", operation=identity, dropped=committed.get("dropped"))
    return Applied(committed, before)


async def _detach(link: AgentLink, plan: FixPlan, journal: Journal) -> str:
    journal.write("detaching", map=plan.map, strategy=plan.strategy, hold_seconds=plan.hold_seconds)
    body = {"map": plan.map, "strategy": plan.strategy, "hold_seconds": plan.hold_seconds}
    try:
        detached = await link.call("POST", f"{API}/operations", body)
    except TargetUnreachable:
        # The answer may have been lost on its way back: whatever is open in our name goes back.
        for identity in await _open_operations(link):
            await _put_back(link, identity, journal)
        raise
    identity = str(detached.get("id"))
    try:
        journal.write("detached", operation=identity, entries=detached.get("entries"))
    except MapmedicError:
        await _put_back(link, identity, journal)
        raise
    return identity


async def _open_operations(link: AgentLink) -> list[str]:
    try:
        listed = (await link.call("GET", f"{API}/operations")).get("operations")
    except MapmedicError:
        return []
    return [
        str(each.get("id"))
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict) and each.get("state") == "detached" and each.get("by") == link.operator
    ]


async def _committed_after_all(link: AgentLink, identity: str, journal: Journal) -> dict[str, Any] | None:
    """Return the operation if the commit happened though its answer was lost."""
    try:
        operation = await link.call("GET", f"{API}/operations/{identity}")
    except MapmedicError as error:
        _note(journal, "state_unknown", operation=identity, why=str(error))
        return None
    return operation if operation.get("state") == "committed" else None


async def _put_back(link: AgentLink, identity: str, journal: Journal) -> None:
    """Undo; where even that fails the agent's own timer does it, and the journal says so."""
    try:
        undone = await link.call("POST", f"{API}/operations/{identity}/undo", {})
        _note(journal, "undone", operation=identity, merged=undone.get("merged"))
    except MapmedicError as error:
        _note(journal, "undo_left_to_the_agent", operation=identity, why=str(error))


def _note(journal: Journal, event: str, **facts: object) -> None:
    """Write to the journal on the way out of a failure, where a full disk must not hide the failure."""
    with suppress(CouldNotLook):
        journal.write(event, **facts)


async def _watch(
    link: AgentLink, before: MemoryPoint, criteria: Criteria, progress: Progress
) -> tuple[MemoryPoint, ...]:
    points: list[MemoryPoint] = [before]
    start = time.monotonic()
    met_at: float | None = None
    while (elapsed := time.monotonic() - start) < criteria.within_seconds:
        points.append(await link.memory())
        if met_at is None and criteria.memory_met(before, points[-1]):
            met_at = elapsed
        if met_at is not None and elapsed - met_at >= _LINGER_SECONDS:
            break
        progress("watching memory come back", elapsed / criteria.within_seconds)
        await asyncio.sleep(_POLL_SECONDS)
    return tuple(points)


async def _entries_now(link: AgentLink, name: str) -> int | None:
    return next((each.entries for each in await link.maps() if each.name == name), None)


def _outcome(
    plan: FixPlan, applied: Applied, timeline: tuple[MemoryPoint, ...], proof: Proof, journal: Journal
) -> Outcome:
    operation = applied.operation
    after = operation.get("memory_after")
    points = timeline + ((memory_point(after),) if isinstance(after, dict) and len(timeline) < 2 else ())
    return Outcome(
        plan=plan,
        applied=True,
        operation=str(operation.get("id")),
        pause_ns=operation.get("lock_hold_ns"),
        entries_removed=operation.get("dropped"),
        journal_path=str(journal.path),
        before=applied.before,
        after=points[-1],
        proof=proof,
        timeline=timeline,
    )


def _plan_facts(plan: FixPlan) -> dict[str, object]:
    return {
        "target": plan.target,
        "map": plan.map,
        "strategy": plan.strategy,
        "entries": plan.entries,
        "conditions": [[c.name, c.holds, c.why] for c in plan.conditions],
    }
