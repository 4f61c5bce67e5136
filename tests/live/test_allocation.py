"""What the runtime counts, found in its memory, held against what it says of itself; arrays of maps in the garbage."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.capture.memstats import capture_memstats
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.model.connection import DIRECT
from mapmedic.model.units import MIB
from tests.live.scenarios import PATIENCE_MS
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]


@pytest.fixture(
    scope="module",
    params=[(go, stripped) for go in toolchains() for stripped in (False, True)],
    ids=lambda each: f"{each[0].version}{'-stripped' if each[1] else ''}",
)
def lab(request: pytest.FixtureRequest) -> Path:
    go, stripped = request.param
    return build_lab(go, stripped=stripped)[0]


def test_counters_are_those_of_memstats(lab: Path) -> None:
    with LabService(lab, Scenario("struct-field", entries=20_000, rate=0)) as service:
        before = capture_memstats(service.url, DIRECT)
        found = api.heap(str(service.pid), max_pause_ms=PATIENCE_MS).counters
        after = capture_memstats(service.url, DIRECT)
    assert found is not None
    assert before.num_gc <= found.collections <= after.num_gc
    # What lies in the caches of the Ps is not counted yet.
    assert before.total_alloc_bytes - 2 * MIB <= found.allocated_bytes <= after.total_alloc_bytes + 2 * MIB


def test_what_a_map_left_behind_is_told_from_other_garbage(lab: Path) -> None:
    """Of maps made anew nearly all garbage is theirs; of a cache whose values come and go next to none is."""
    shares = {}
    for name in ("batch-maps", "bounded-lru"):
        with LabService(lab, Scenario(name)) as service:
            looks = [api.heap(str(service.pid), max_pause_ms=PATIENCE_MS) for _ in range(6)]
        found = [each.garbage for each in looks if each.garbage is not None]
        arrays = sum(part.bytes for each in found for part in each.map_arrays)
        shares[name] = arrays / sum(each.bytes for each in found)
    # Nothing leads to the arrays that a classic map has outgrown: these are told from nothing.
    is_classic = any(each.design == "classic" for each in looks[0].maps)
    assert shares["batch-maps"] > (0.05 if is_classic else 0.5)
    assert shares["bounded-lru"] < 0.05
