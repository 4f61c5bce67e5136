"""Read while a writer is at full speed: whatever is told of a map was so, and what cannot be told is listed.

Maps of both designs: of the machine's own Go, and where the cache has one, of a Go before 1.24 (MAPMEDIC_GO=all: each).

MAPMEDIC_LOOKS=100 pytest -n0 tests/live/test_live_reading.py      # more looks; 2 for each program by default
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.model.inventory import MapInstance
from mapmedic.source.toolchain import GoToolchain, find_go
from tests.live.scenarios import truth_of
from tests.live.test_heap import PATIENCE_MS, assert_untouched
from tests.support.toolchains import classic_toolchains, minor

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
LOOKS = int(os.environ.get("MAPMEDIC_LOOKS", "2"))
# Faster than that and the map outgrows the machine before the looks are over.
RATE = 5_000
# A classic map in the middle of a growth is left out until that is over.
MOST_LOOKS = max(LOOKS, 40)


def name_of(part: object) -> str | None:
    return part.version if isinstance(part, GoToolchain) else None


def builds() -> list[tuple[GoToolchain, str, bool]]:
    """Return what to build with, the scenario, and whether stripped (up to Go 1.21 that leaves a map no type)."""
    own = find_go("build the lab")
    classic = [(go, "struct-field", False) for go in classic_toolchains()]
    stripped = [(go, "global-map", True) for go, *_ in classic if minor(go) > 21]
    return [(own, "struct-field", False), (own, "global-map", True), *classic, *stripped]


def binaries() -> list[GoToolchain]:
    return [find_go("build the lab"), *classic_toolchains()]


@pytest.mark.parametrize(("go", "scenario", "stripped"), builds(), ids=name_of)
def test_no_row_is_ever_wrong(go: GoToolchain, scenario: str, stripped: bool) -> None:
    told = looks = 0
    with LabService(
        build_lab(go, stripped=stripped)[0], Scenario(scenario, entries=20_000, rate=RATE)
    ) as service:
        while looks < LOOKS or (told == 0 and looks < MOST_LOOKS):
            before = truth_of(service.url)
            seen = api.heap(str(service.pid), snapshot="live", max_pause_ms=PATIENCE_MS)
            after = truth_of(service.url)
            rows = [each for each in seen.maps if each.type == before["type"] and each.entries > 1_000]
            for row in rows:
                assert before["entries"] <= row.entries <= after["entries"]
                assert_between(before, row, after)
            # Without symbols nobody knows of a classic map in the middle of a growth that it is one.
            is_hidden = stripped and before["design"] == "classic"
            assert rows or is_hidden or any("left out" in x and before["type"] in x for x in seen.unread)
            told, looks = told + len(rows), looks + 1
        assert_untouched(service)
    assert told > 0, "a map that is always left out is of no use"


def assert_between(before: dict[str, Any], row: MapInstance, after: dict[str, Any]) -> None:
    """Its room only grows, but for a classic map that doubles: its old buckets are gone when they are empty."""
    for name in ("capacity", "shallow_bytes"):
        doubled = before["design"] == "classic" and not before[name] <= after[name] < 1.5 * before[name]
        low, high = sorted((before[name], after[name]))
        factor = 2 if doubled else 1
        assert low / factor <= getattr(row, name) <= high * factor, (name, before[name], row, after[name])


@pytest.mark.parametrize("go", binaries(), ids=name_of)
def test_of_many_maps_each_is_right_or_left_out(go: GoToolchain) -> None:
    with LabService(build_lab(go)[0], Scenario("sharded-map", entries=20_000, rate=RATE)) as service:
        for _ in range(LOOKS):
            before = shards(service)
            seen = api.heap(str(service.pid), snapshot="live", max_pause_ms=PATIENCE_MS)
            after = shards(service)
            for row in seen.maps:
                if row.owner in before:
                    first, last = before[row.owner], after[row.owner]
                    assert first.entries <= row.entries <= last.entries
                    assert_between(asdict(first), row, asdict(last))
            left_out = [each for each in seen.unread if "main.reg.shards" in each]
            assert len(left_out) + sum(row.owner in before for row in seen.maps) == len(before)


def shards(service: LabService) -> dict[str, MapInstance]:
    seen = api.heap(str(service.pid), snapshot="fork", max_pause_ms=PATIENCE_MS)
    return {each.owner: each for each in seen.maps if each.owner.startswith("main.reg.shards")}


def test_a_sync_map_is_left_out_with_the_reason_for_it() -> None:
    with LabService(
        build_lab(find_go("build the lab"))[0], Scenario("sync-map", entries=1_000, rate=0)
    ) as service:
        seen = api.heap(str(service.pid), snapshot="live", max_pause_ms=PATIENCE_MS)
    said = [each for each in seen.unread if "a sync.Map, at" in each]
    assert said and all("is not confirmed by a second look" in each for each in said)
    assert not [each for each in seen.maps if each.type == "sync.Map"]
