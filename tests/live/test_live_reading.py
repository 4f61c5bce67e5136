"""Read while a writer is at full speed: whatever is told of a map was so, and what cannot be told is listed.

MAPMEDIC_LOOKS=100 pytest -n0 tests/live/test_live_reading.py      # more looks; 2 for each program by default
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.model.inventory import MapInstance
from tests.live.scenarios import truth_of
from tests.live.test_heap import PATIENCE_MS, assert_untouched

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
LOOKS = int(os.environ.get("MAPMEDIC_LOOKS", "2"))
# Faster than that and the map outgrows the machine before the looks are over.
RATE = 5_000


@pytest.mark.parametrize(("scenario", "stripped"), [("struct-field", False), ("global-map", True)])
def test_no_row_is_ever_wrong(scenario: str, stripped: bool, lab_binary: Path) -> None:
    binary = build_lab(stripped=True)[0] if stripped else lab_binary
    told = 0
    with LabService(binary, Scenario(scenario, entries=20_000, rate=RATE)) as service:
        for _ in range(LOOKS):
            before = truth_of(service.url)
            seen = api.heap(str(service.pid), snapshot="live", max_pause_ms=PATIENCE_MS)
            after = truth_of(service.url)
            rows = [each for each in seen.maps if each.type == before["type"] and each.entries > 1_000]
            for name in ("entries", "capacity", "shallow_bytes"):
                assert all(before[name] <= getattr(row, name) <= after[name] for row in rows), (name, rows)
            assert rows or any("left out" in each for each in seen.unread), "it is left out in silence"
            told += len(rows)
        assert_untouched(service)
    assert told > 0, "a map that is always left out is of no use"


def test_of_many_maps_each_is_right_or_left_out(lab_binary: Path) -> None:
    with LabService(lab_binary, Scenario("sharded-map", entries=20_000, rate=RATE)) as service:
        for _ in range(LOOKS):
            before = shards(service)
            seen = api.heap(str(service.pid), snapshot="live", max_pause_ms=PATIENCE_MS)
            after = shards(service)
            for row in seen.maps:
                if row.owner in before:
                    first, last = before[row.owner], after[row.owner]
                    assert first.entries <= row.entries <= last.entries
                    assert (row.capacity or 0) in range(first.capacity or 0, (last.capacity or 0) + 1)
            left_out = [each for each in seen.unread if "main.reg.shards" in each]
            assert len(left_out) + sum(row.owner in before for row in seen.maps) == len(before)


def shards(service: LabService) -> dict[str, MapInstance]:
    seen = api.heap(str(service.pid), snapshot="fork", max_pause_ms=PATIENCE_MS)
    return {each.owner: each for each in seen.maps if each.owner.startswith("main.reg.shards")}
