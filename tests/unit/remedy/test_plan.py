"""Which map is meant, and what has to hold before anything is touched."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest

from mapmedic.capture.agent import AgentLink, memory_point
from mapmedic.errors import AmbiguousName, PreflightFailed, UsageError
from mapmedic.model.observation import MemoryPoint, RegisteredMap
from mapmedic.model.remedy import FixPlan
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.plan import FixRequest, choose_map, plan_fix, require_ready

NAMES = ("main.A.sessions", "main.B.sessions", "cache", "main.cache", "tenants.x")


def maps(*names: str) -> tuple[RegisteredMap, ...]:
    return tuple(RegisteredMap(name, "map", "map[string]int", 3, None) for name in names)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("main.A.sessions", "main.A.sessions"),
        ("A.sessions", "main.A.sessions"),
        ("cache", "cache"),  # the whole name goes before an ending
        ("x", "tenants.x"),
        ("sessions", AmbiguousName),
        ("essions", UsageError),
        ("main.A", UsageError),
        ("", UsageError),
        (".", UsageError),
        ("CACHE", UsageError),
    ],
)
def test_choose_map(asked: str, meant: str | type[Exception]) -> None:
    if isinstance(meant, str):
        assert choose_map(asked, maps(*NAMES)).name == meant
        return
    with pytest.raises(meant):
        choose_map(asked, maps(*NAMES))


def test_an_ambiguous_name_lists_its_candidates_and_an_unknown_one_what_there_is() -> None:
    with pytest.raises(AmbiguousName) as caught:
        choose_map("sessions", maps(*NAMES))
    assert caught.value.candidates == ("main.A.sessions", "main.B.sessions")
    with pytest.raises(UsageError, match="registered: none"):
        choose_map("x", ())


class _Link:
    base_url = "http://t"
    heap_bytes = 100

    def __init__(self, answer: dict[str, Any], operations: object = ()) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self._answer = {
            "supported": True, "why": "ok", "entries": 5, "lock_wait_ns": 900, "steps": ["a"], "notes": ["n"],
            "undo": "u", **answer,
        }  # fmt: skip
        self._operations = list(operations) if isinstance(operations, (list, tuple)) else operations

    async def maps(self) -> tuple[RegisteredMap, ...]:
        return maps("main.T.m")

    async def memory(self) -> MemoryPoint:
        return memory_point({"heap_alloc_bytes": self.heap_bytes})

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        self.asked.append((method, path, body))
        return self._answer if path.endswith("/plan") else {"operations": self._operations}


def made(answer: dict[str, Any], operations: object = ()) -> FixPlan:
    link = _Link(answer, operations)
    plan = asyncio.run(plan_fix(cast(AgentLink, link), "http://t", FixRequest("m")))
    assert [each[:2] for each in link.asked] == [
        ("POST", "/debug/mapmedic/v1/plan"),
        ("GET", "/debug/mapmedic/v1/operations"),
    ], "planning asks and does nothing else"
    return plan


FINISHED = {"id": "a-1", "state": "committed", "finished_at": "2026"}


@pytest.mark.parametrize(
    ("answer", "operations", "failing"),
    [
        ({}, [], []),
        ({}, [FINISHED, "?", None], []),
        ({"lock_wait_ns": 0}, [], []),
        ({"lock_wait_ns": 500_000_000}, [], []),
        ({"lock_wait_ns": 500_000_001}, [], ["lock"]),
        ({"lock_wait_ns": None}, [], ["lock"]),
        ({"entries": 0}, [], ["entries"]),
        ({"entries": None}, [], []),  # a sync.Map too large to count can be swapped all the same
        ({"supported": False, "why": "nil map"}, [], ["strategy"]),
        ({"supported": "false"}, [], ["strategy"]),
        ({}, [{"id": "a-2", "state": "detached", "finished_at": None}], ["one operation at a time"]),
        ({}, [{"id": "a-2", "state": "committed", "finished_at": None}], ["one operation at a time"]),
        ({}, "not a list", []),
    ],
)
def test_conditions(answer: dict[str, Any], operations: object, failing: list[str]) -> None:
    plan = made(answer, operations)
    assert [c.name for c in plan.conditions if not c.holds] == failing
    assert plan.ready is not bool(failing)
    if failing:
        with pytest.raises(PreflightFailed, match=failing[0]):
            require_ready(plan)
    else:
        require_ready(plan)


def test_what_a_backup_would_lose_is_said() -> None:
    whole = made({"round_trip": {"lossless": True, "losses": []}}).backup
    assert whole is not None and whole.lossless and whole.losses == ()
    lossy = made({"round_trip": {"lossless": False, "losses": ["value.Conn: net.Conn"]}}).backup
    assert lossy is not None and not lossy.lossless and lossy.losses == ("value.Conn: net.Conn",)
    silent = made({"round_trip": None}).backup
    assert silent is not None and not silent.lossless, "what nobody vouches for is not lossless"


def planned(request: FixRequest, heap_bytes: int = 100) -> FixPlan:
    link = _Link({"matches": {"scanned": 5, "matched": 1, "complete": True}})
    link.heap_bytes = heap_bytes
    return asyncio.run(plan_fix(cast(AgentLink, link), "http://t", request))


def test_no_backup_is_a_choice_that_the_plan_repeats() -> None:
    plan = planned(FixRequest("m", backup=False))
    assert plan.backup is None
    assert "no backup" in plan.notes[-1]
    shrinking = planned(FixRequest("m", "shrink"))
    assert shrinking.backup is None and shrinking.notes == ("n",), "nothing leaves the map"


def test_a_disk_without_room_fails_a_condition(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    request = FixRequest("m", journal_folder=tmp_path / "not" / "yet" / "there")
    assert planned(request, heap_bytes=free // 4).ready
    full = planned(request, heap_bytes=free)
    assert [c.name for c in full.conditions if not c.holds] == ["room for the backup"]
    part = FixRequest("m", "evict", where=(parse_condition("key prefix a"),), journal_folder=tmp_path)
    assert planned(part, heap_bytes=free).ready, "a fifth of the entries needs a fifth of the room"


def test_the_hold_is_as_long_as_the_backup_may_take() -> None:
    assert planned(FixRequest("m")).hold_seconds == 60
    assert 150 < planned(FixRequest("m"), heap_bytes=1 << 30).hold_seconds < 300
    assert planned(FixRequest("m"), heap_bytes=1 << 50).hold_seconds == 600
    assert planned(FixRequest("m", hold_seconds=7), heap_bytes=1 << 50).hold_seconds == 7


@pytest.mark.parametrize(
    ("complete", "share", "why"), [(True, 0.2, "1 fit"), (False, None, "could not be counted")]
)
def test_a_count_that_was_cut_short_is_no_share(complete: bool, share: float | None, why: str) -> None:
    link = _Link({"matches": {"scanned": 5, "matched": 1, "complete": complete}})
    wish = FixRequest("m", "evict", where=(parse_condition("key prefix a"),))
    plan = asyncio.run(plan_fix(cast(AgentLink, link), "http://t", wish))
    assert plan.removes == share
    assert why in next(c.why for c in plan.conditions if c.name == "entries")


def test_an_unknown_strategy_is_a_usage_error_before_anybody_is_asked() -> None:
    with pytest.raises(UsageError, match="unknown strategy 'burn'"):
        asyncio.run(plan_fix(cast(AgentLink, None), "t", FixRequest("m", strategy="burn")))
