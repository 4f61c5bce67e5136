"""What is read is held against what the service says of itself; what does not agree is said and claims less."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mapmedic import api
from mapmedic.capture.memstats import capture_memstats
from mapmedic.demo.service import LabService, Scenario
from mapmedic.goheap.checks import memstats_checks
from mapmedic.model.connection import DIRECT
from mapmedic.model.inventory import Inventory
from tests.support.command import run

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]


def decided(service: LabService) -> Inventory:
    """Look until no collection ended between the two readings: on a machine under load a look takes its time."""
    for _ in range(5):
        found = api.heap(str(service.pid), max_pause_ms=5_000.0, against=service.url)
        if all(check.passed is not None for check in found.checks):
            break
    return found


@pytest.mark.parametrize("scenario", ["struct-field", "sync-map"])
def test_objects_and_bytes_agree_with_memstats(scenario: str, start_lab: StartLab) -> None:
    service = start_lab(Scenario(scenario, entries=20_000, rate=0))
    found = decided(service)
    assert all(check.passed for check in found.checks), found.checks
    assert found.snapshot.complete
    objects, bytes_ = found.checks[-2:]
    assert "HeapObjects" in objects.name
    assert "HeapAlloc" in bytes_.name


def test_another_service_does_not_agree_and_less_is_claimed(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=20_000, rate=0))
    other = start_lab(Scenario("struct-field", entries=200, rate=0))
    done = run("heap", service.pid, "--max-pause", 5_000, "--against", other.url, "--json")
    assert done.code == 0
    assert [check["passed"] for check in done.json["checks"]].count(False) == 2
    assert not done.json["snapshot"]["complete"]
    shown = run("heap", service.pid, "--max-pause", 5_000, "--against", other.url).out
    assert "MemStats.HeapObjects" in shown


def test_a_collection_in_between_leaves_it_undecided(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=200, rate=0))
    before = capture_memstats(service.url, DIRECT)
    after = cast(Any, SimpleNamespace(num_gc=before.num_gc + 1))
    heap = cast(Any, SimpleNamespace(totals={"allocated_objects": 1, "allocated_bytes": 2}))
    assert [check.passed for check in memstats_checks(heap, before, after)] == [None, None]


def test_an_endpoint_that_is_none_is_said(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=200, rate=0))
    assert run("heap", service.pid, "--against", f"{service.url}/nothing").code == 3
    assert run("heap", service.pid, "--against", "core:x").code == 3
    assert run("heap", "core:x", "--against", service.url).code == 2
