"""Every scenario gets its verdict from HTTP alone; the whole version matrix is `make live`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.model.findings import Verdict
from tests.live.scenarios import SAMPLE, SCENARIOS, run_scenario, truth_of

pytestmark = pytest.mark.live


@pytest.mark.parametrize("name", SAMPLE)
def test_scenario_gets_its_verdict_site_and_name(name: str, lab_binary: Path) -> None:
    assert run_scenario(lab_binary, SCENARIOS[name]).misses() == []


def test_a_leak_without_a_gc_in_the_window_is_undetermined_never_healthy(
    start_lab: Callable[[Scenario], LabService],
) -> None:
    service = start_lab(Scenario("struct-field", entries=50_000, rate=500))
    # A GC now puts the next one 100 MB away, and the leak makes 1 MB a second.
    api.observe([service.url], api.CapturePlan(force_gc=True))
    diagnosis = api.diagnose(api.observe([service.url], api.CapturePlan(2.0)))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "--gc" in diagnosis.next_steps[0]


def test_a_single_look_names_the_map_but_not_a_leak(start_lab: Callable[[Scenario], LabService]) -> None:
    service = start_lab(SCENARIOS["struct-field"])
    diagnosis = api.diagnose(api.observe([service.url], api.CapturePlan(force_gc=True)))
    truth = truth_of(service.url)
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert diagnosis.suspects[0].site is not None
    assert diagnosis.suspects[0].site.function == truth["insertion"]["function"]


def test_the_agents_count_names_the_map(start_lab: Callable[[Scenario], LabService]) -> None:
    service = start_lab(Scenario("struct-field", entries=60_000, rate=8_000))
    plan = api.CapturePlan(5.0, force_gc=True, agent_token=service.token)
    suspect = api.diagnose(api.observe([service.url], plan)).suspects[0]
    assert suspect.label == truth_of(service.url)["declared"]
    assert suspect.entries is not None
    assert suspect.entries >= 60_000
