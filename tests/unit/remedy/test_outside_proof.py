"""The bars of a fix from outside, and what its proof says of figures that show nothing."""

from __future__ import annotations

import pytest

from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check
from mapmedic.model.units import UnixNanoseconds
from mapmedic.remedy.outside.proof import Aftermath, criteria_outside, prove_outside
from tests.support.outside_plans import MIB, outside_plan

PLAN = outside_plan(held_bytes=200 * MIB)


def point(seconds: float, rss_mib: int, heap_mib: int | None, num_gc: int | None) -> MemoryPoint:
    heap = None if heap_mib is None else heap_mib * MIB
    return MemoryPoint(UnixNanoseconds(int(seconds * 1e9)), rss_mib * MIB, heap, num_gc)


BEFORE = point(0, 400, 250, 7)


def checks(*after: MemoryPoint, held_mib: int = 200, left: int | None = 3) -> tuple[bool, dict[str, Check]]:
    plan = outside_plan(held_bytes=held_mib * MIB)
    criteria = criteria_outside(plan, BEFORE, None, 30.0)
    aftermath = Aftermath(1_000, left, runs_on=left is not None)
    proof = prove_outside(plan, BEFORE, after, aftermath, criteria)
    return proof.passed, {check.name: check for check in proof.checks}


def test_forty_per_cent_of_what_the_map_held_is_asked_of_each() -> None:
    criteria = criteria_outside(PLAN, BEFORE, None, 30.0)
    assert criteria.rss_drop == pytest.approx(0.4 * 200 / 400)
    assert criteria.heap_drop == pytest.approx(0.4 * 200 / 250)
    assert criteria_outside(PLAN, point(0, 100, None, None), None, 30.0).rss_drop == 0.4
    assert criteria_outside(PLAN, BEFORE, 0.7, 30.0).rss_drop == 0.7


@pytest.mark.parametrize(
    ("rss_mib", "heap_mib", "passed"), [(310, 160, True), (330, 160, False), (310, 180, False)]
)
def test_both_have_to_fall(rss_mib: int, heap_mib: int, passed: bool) -> None:
    assert checks(point(2, rss_mib, heap_mib, 9))[0] == passed


def test_no_collection_since_is_not_blamed_on_somebody_who_holds_the_entries() -> None:
    passed, found = checks(point(30, 400, 250, 7))
    assert not passed
    assert "no collection has ended since" in found["rss_bytes"].why
    assert "no collection has ended since" in found["heap_alloc_bytes"].why


def test_a_map_that_held_little_is_proved_by_its_entries() -> None:
    passed, found = checks(point(2, 401, 251, 9), held_mib=1)
    assert passed and found["entries"].passed
    assert not found["rss_bytes"].decides and "too little" in found["rss_bytes"].why
    assert not checks(point(2, 401, 251, 9), held_mib=1, left=900)[0]


def test_what_nobody_could_measure_decides_nothing() -> None:
    before = point(0, 400, None, None)
    criteria = criteria_outside(PLAN, before, None, 30.0)
    proof = prove_outside(PLAN, before, [point(2, 200, None, None)], Aftermath(1_000, None), criteria)
    found = {check.name: check for check in proof.checks}
    assert proof.passed and not found["heap_alloc_bytes"].decides and "entries" not in found


def test_a_process_that_has_ended_is_not_proved() -> None:
    passed, found = checks(held_mib=1, left=None)
    assert not passed and found["process_runs"].why == "the process has ended since"


@pytest.mark.parametrize(
    ("aftermath", "name", "said"),
    [
        (Aftermath(1_000, 400, undone="it was broken off: locked"), "whole", "broken off"),
        (Aftermath(1_000, 0, unmended="mapmedic doctor --repair"), "collector_restored", "--repair"),
    ],
)
def test_what_was_left_undone_decides_whatever_the_memory_says(
    aftermath: Aftermath, name: str, said: str
) -> None:
    criteria = criteria_outside(PLAN, BEFORE, None, 30.0)
    after = [point(2, 200, 50, 9)]
    assert prove_outside(PLAN, BEFORE, after, Aftermath(1_000, 0), criteria).passed
    proof = prove_outside(PLAN, BEFORE, after, aftermath, criteria)
    (failed,) = (each for each in proof.checks if each.decides and not each.passed)
    assert (proof.passed, failed.name, said in failed.why) == (False, name, True)
    assert proof.next_steps
