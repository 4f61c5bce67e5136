"""What would be done, asked of the agent; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapmedic.capture.agent import API, AgentLink
from mapmedic.errors import AmbiguousName, PreflightFailed, UnknownMap, UsageError
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.observation import RegisteredMap
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.remedy.backup import backup_condition, hold_for, plan_backup
from mapmedic.remedy.conditions import condition_json
from mapmedic.remedy.journal import default_folder

STRATEGIES = ("swap", "shrink", "clear", "delete", "evict")
# A lock that takes longer than this to get is too busy to hold for a fix without looking again.
MAX_LOCK_WAIT_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class FixRequest:
    """What the operator asked for.

    ``hold_seconds``: how long the detached entries can still be undone; None leaves it to what the backup
    needs. ``backup_path`` is the file for it, by default one in ``journal_folder`` (None: the usual one).
    """

    map: str
    strategy: str = "swap"
    hold_seconds: int | None = None
    return_memory: bool = True
    where: tuple[EvictCondition, ...] = ()
    max_lock_hold_ms: int | None = None
    backup: bool = True
    backup_path: Path | None = None
    journal_folder: Path | None = None


async def plan_fix(link: AgentLink, target: str, request: FixRequest) -> FixPlan:
    """Return the plan with its preflight conditions measured now.

    UsageError for an unknown strategy, UnknownMap, AmbiguousName where a name fits several maps, the
    agent's own errors otherwise.
    """
    _require_sense(request)
    chosen = choose_map(request.map, await link.maps())
    answer = await link.call("POST", f"{API}/plan", operation_body(chosen.name, request))
    running = await link.call("GET", f"{API}/operations")
    plan = FixPlan(
        target=target,
        map=chosen.name,
        kind=chosen.kind,
        type=chosen.type,
        strategy=request.strategy,
        entries=_whole(answer.get("entries")),
        steps=_sentences(answer.get("steps")),
        conditions=_conditions(request.strategy, answer, running),
        undo=str(answer.get("undo", "")),
        notes=_sentences(answer.get("notes")),
        hold_seconds=hold_for(request.hold_seconds, None),
        return_memory=request.return_memory,
        where=request.where,
        matches=_matched(answer),
        max_lock_hold_ms=request.max_lock_hold_ms,
    )
    return await _with_backup(link, plan, request, answer)


async def _with_backup(
    link: AgentLink, plan: FixPlan, request: FixRequest, answer: Mapping[str, Any]
) -> FixPlan:
    """Return ``plan`` with its backup, or with a note on why there is none."""
    if plan.strategy == "shrink":
        return plan
    if not request.backup:
        return replace(
            plan, notes=(*plan.notes, "no backup (--no-backup): once dropped, the entries are gone for good")
        )
    memory = await link.memory()
    folder = request.journal_folder or default_folder()
    backup = plan_backup(answer, folder, request.backup_path, memory.heap_alloc_bytes, plan.removes)
    return replace(
        plan,
        backup=backup,
        conditions=(*plan.conditions, backup_condition(backup)),
        hold_seconds=hold_for(request.hold_seconds, backup),
    )


def operation_body(name: str, wish: FixRequest | FixPlan) -> dict[str, object]:
    """Return what the agent is asked for, in planning and in doing alike."""
    body: dict[str, object] = {"map": name, "strategy": wish.strategy}
    if wish.where:
        body["where"] = [condition_json(condition) for condition in wish.where]
    if wish.max_lock_hold_ms is not None:
        body["max_lock_hold_ms"] = wish.max_lock_hold_ms
    return body


def _require_sense(request: FixRequest) -> None:
    if request.strategy not in STRATEGIES:
        raise UsageError(f"unknown strategy {request.strategy!r}; known: {', '.join(STRATEGIES)}")
    if request.where and request.strategy != "evict":
        raise UsageError(f"--where goes with --strategy evict; {request.strategy} takes every entry")
    if request.strategy == "evict" and not request.where:
        raise UsageError("evict needs at least one --where condition; swap empties the whole map")


def _matched(answer: Mapping[str, Any]) -> int | None:
    """Return how many entries fit, None where nobody counted to the end."""
    matches = answer.get("matches")
    if not isinstance(matches, dict) or matches.get("complete") is False:
        return None
    return _whole(matches.get("matched"))


def choose_map(name: str, registered: tuple[RegisteredMap, ...]) -> RegisteredMap:
    """Return the map that ``name`` means: its whole name, or an ending that only one has."""
    exact = [each for each in registered if each.name == name]
    ending = [each for each in registered if each.name.endswith("." + name)]
    found = exact or ending
    if len(found) > 1:
        raise AmbiguousName(name, tuple(each.name for each in found))
    if not found:
        raise UnknownMap(name, tuple(each.name for each in registered))
    return found[0]


def require_ready(plan: FixPlan) -> None:
    """Raise PreflightFailed where a condition of ``plan`` does not hold."""
    failed = tuple(f"{c.name}: {c.why}" for c in plan.conditions if not c.holds)
    if failed:
        raise PreflightFailed(failed)


def _conditions(
    strategy: str, answer: Mapping[str, Any], running: Mapping[str, Any]
) -> tuple[Condition, ...]:
    open_ones = open_operations(running)
    return (
        Condition("strategy", answer.get("supported") is True, str(answer.get("why", ""))),
        _lock_condition(_whole(answer.get("lock_wait_ns"))),
        _entries_condition(strategy, _whole(answer.get("entries")), _matched(answer)),
        Condition(
            "one operation at a time",
            not open_ones,
            f"operation {open_ones[0]} is under way" if open_ones else "none is under way",
        ),
    )


def open_operations(running: Mapping[str, Any]) -> list[str]:
    """Return the operations that are under way, by the agent's list of them."""
    operations = running.get("operations")
    return [
        str(each.get("id"))
        for each in (operations if isinstance(operations, list) else [])
        if isinstance(each, dict) and each.get("finished_at") is None
    ]


def _lock_condition(wait_ns: int | None) -> Condition:
    if wait_ns is None:
        return Condition("lock", False, "the agent does not say how long it takes to get")
    bar = "" if wait_ns <= MAX_LOCK_WAIT_NS else f", more than {MAX_LOCK_WAIT_NS / 1e3:,.0f} µs"
    why = f"got in {wait_ns / 1e3:,.1f} µs{bar}" if wait_ns else "no lock is needed"
    return Condition("lock", not bar, why)


def _entries_condition(strategy: str, entries: int | None, matched: int | None) -> Condition:
    if strategy == "shrink":
        return Condition("entries", True, f"{entries or 0:,} stay; what goes is room for more")
    if strategy == "evict":
        if matched is None:
            return Condition("entries", True, "how many fit could not be counted in time")
        why = f"{matched:,} fit the conditions now" if matched else "none fits the conditions"
        return Condition("entries", matched > 0, why)
    if entries is None:
        return Condition("entries", True, "too many to be counted quickly")
    why = (
        f"{entries:,} to remove"
        if entries
        else "the map is empty already (--strategy shrink drops its buckets)"
    )
    return Condition("entries", entries > 0, why)


def _sentences(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
