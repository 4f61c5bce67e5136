"""A few cells of the heap matrix, and that it misses what is not so; the rest is `make live`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mapmedic.demo.service import build_lab
from tests.live.heap_cells import HEAP_SCENARIOS, Look, look_into
from tests.live.scenarios import SCENARIOS

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]


@pytest.fixture(scope="module")
def emptied(may_trace: None) -> Look:
    """One look in which all is as it should be."""
    look = _look("emptied-map", "plain")
    assert look.misses() == []
    return look


@pytest.mark.parametrize(
    ("name", "build"), [("bounded-lru", "plain"), ("generic-cache", "stripped"), ("sharded-map", "PIE")]
)
def test_a_cell_holds(name: str, build: str) -> None:
    look = _look(name, build)
    assert look.misses() == []
    assert look.inventory.snapshot.pause_ms > 0


def test_every_scenario_is_looked_into() -> None:
    assert set(HEAP_SCENARIOS) == set(SCENARIOS)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("entries", lambda truth: truth["entries"] + 1),
        ("design", lambda truth: "hashtrie"),
        ("capacity", lambda truth: truth["capacity"] + 8),
        ("shallow_bytes", lambda truth: truth["shallow_bytes"] * 1.02),
        ("dead_bytes", lambda truth: truth["dead_bytes"] * 1.02 + 2),
        ("type", lambda truth: "map[main.Nobody]int"),
        ("path", lambda truth: "main.other"),
        ("declared", lambda truth: "main.Other.m"),
    ],
)
def test_what_differs_from_the_truth_is_a_miss(name: str, change: Any, emptied: Look) -> None:
    truth = {**emptied.before, name: change(emptied.before)}
    wrong = replace(emptied, before=truth, after=truth).misses()
    assert wrong
    assert any(miss.startswith({"path": "owner"}.get(name, name.removesuffix("_bytes"))) for miss in wrong)


def test_what_is_left_unread_and_what_is_left_behind_are_misses(emptied: Look) -> None:
    account = emptied.inventory.account
    assert account is not None
    short = replace(account, live_bytes=account.live_bytes - (2 << 20))
    blank = replace(emptied.inventory, unread=("the stack of a goroutine",), account=short)
    wrong = replace(emptied, inventory=blank, traces=("thread 7: T (stopped)",)).misses()
    assert wrong[:2] == ["alive: thread 7: T (stopped)", "complete: the stack of a goroutine"]
    assert [miss.split(":")[0] for miss in wrong[2:]] == ["account"]


def _look(name: str, build: str) -> Look:
    binary, _ = build_lab(stripped=build == "stripped", pie=build == "PIE")
    return look_into(binary, HEAP_SCENARIOS[name], stripped=build == "stripped")


@pytest.mark.parametrize("name", ["off-heap", "idle-heap", "high-gogc", "goroutine-leak"])
def test_what_holds_no_map_is_told_by_its_account(name: str) -> None:
    look = _look(name, "stripped")
    assert look.misses() == []
    account = look.inventory.account
    assert account is not None
    other = replace(account, off_heap_bytes=0, free_bytes=0, dead_bytes=0, stack_bytes=0)
    wrong = replace(look, inventory=replace(look.inventory, account=other)).misses()
    assert [miss.split(":")[0] for miss in wrong] == ["account", "holder"]
