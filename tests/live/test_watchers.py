"""The agent knows the maps that it was told of, and owns none of them; nothing is counted otherwise for that."""

from __future__ import annotations

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.model.inventory import Inventory, MapInstance
from tests.live.test_stacks import PATIENCE_MS

pytestmark = pytest.mark.live
ENTRIES = 20_000


def look(service: LabService) -> Inventory:
    return api.heap(str(service.pid), max_pause_ms=PATIENCE_MS)


def big(seen: Inventory) -> MapInstance:
    return max(seen.maps, key=lambda each: each.entries)


def figures(seen: Inventory) -> dict[int, tuple[int, int, int | None]]:
    return {each.address: (each.entries, each.shallow_bytes, each.retained_bytes) for each in seen.maps}


@pytest.mark.parametrize("stripped", [False, True])
def test_the_agent_is_no_owner_where_somebody_else_is(
    stripped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary, _ = build_lab(stripped=stripped)
    with LabService(binary, Scenario("closure-map", entries=ENTRIES, rate=0)) as service:
        seen = look(service)
        monkeypatch.setattr("mapmedic.goheap.heap.find_watchers", lambda *_: [])
        otherwise = look(service)
    assert big(seen).owner == f"closure main.newFareMemory.func1{'' if stripped else '.cache'}"
    assert "mapmedic/agent." in big(otherwise).owner
    assert figures(seen) == figures(otherwise)
    assert seen.snapshot.heap_bytes == otherwise.snapshot.heap_bytes


def test_what_nobody_else_holds_is_the_agents() -> None:
    binary, _ = build_lab()
    with LabService(binary, Scenario("closure-map", entries=ENTRIES, rate=0)) as service:
        seen = look(service)
    assert [each.entries for each in seen.maps if "mapmedic/agent.defaultRegistry" in each.owner] == [1]
