"""Whether a fix worked: figures against bars."""

from __future__ import annotations

import pytest

from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check
from mapmedic.model.units import MIB, NANOSECONDS_PER_SECOND, UnixNanoseconds
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.figures import relative_change
from mapmedic.remedy.proof import Criteria, baseline_check, criteria_for, entries_check, kept_check, prove
from tests.unit.remedy.agents import plan


def point(rss: int | None, heap: int | None, seconds: float = 0) -> MemoryPoint:
    return MemoryPoint(UnixNanoseconds(int(seconds * NANOSECONDS_PER_SECOND)), rss, heap)


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        ((100, 100), (60, 60), True),  # exactly on the bar
        ((35, 35), (21, 21), True),
        ((100, 100), (61, 60), False),
        ((100, 100), (60, 61), False),
        ((100, 100), (0, 0), True),
        ((100, 100), (100, 100), False),
        ((100, 100), (170, 170), False),
        ((0, 0), (0, 0), False),
        ((None, 100), (None, 10), False),  # nobody measured RSS: not proved
        ((100, 100), (None, 10), False),
        ((None, None), (None, None), False),
    ],
)
def test_memory(before: tuple[int, int], after: tuple[int, int], passed: bool) -> None:
    proof = prove(point(*before), [point(*after, 2)], None, Criteria())
    assert proof.passed is passed
    assert [check.name for check in proof.checks] == ["rss_bytes", "heap_alloc_bytes"]
    assert all(check.why for check in proof.checks)


@pytest.mark.parametrize(
    ("before", "after", "passed", "why"),
    [
        (100, 50, True, "only what came since"),
        (100, 51, False, "as full as it was"),
        (100, 0, True, "only what came since"),
        (100, 400, False, "as full as it was"),
        (100, None, False, "could not count"),
        (0, 5, False, "empty before"),
    ],
)
def test_entries(before: int, after: int | None, passed: bool, why: str) -> None:
    proof = prove(point(100, 100), [point(10, 10, 2)], entries_check(before, after, Criteria()), Criteria())
    assert proof.passed is passed
    assert why in proof.checks[2].why


def test_nothing_measured_after_is_no_proof() -> None:
    proof = prove(point(100, 100), [], entries_check(10, 0, Criteria()), Criteria())
    assert not proof.passed
    assert proof.checks[0].after is None
    assert "nobody measured" in proof.checks[0].why


def test_the_last_point_counts_and_the_first_that_met_is_told() -> None:
    before = point(100, 100)
    proof = prove(before, [point(90, 90, 1), point(50, 50, 2.5), point(40, 40, 4)], None, Criteria())
    assert proof.passed and proof.checks[0].why == "met after 2.5 s"
    again = prove(before, [point(50, 50, 2), point(90, 90, 4)], None, Criteria())
    assert not again.passed and "but it rose again" in again.checks[0].why


def test_bars_can_be_changed() -> None:
    assert prove(point(100, 100), [point(89, 89)], None, Criteria(rss_drop=0.1, heap_drop=0.1)).passed
    assert not prove(point(100, 100), [point(11, 11)], None, Criteria(rss_drop=0.9)).passed


@pytest.mark.parametrize(
    ("now", "met"), [((60, 60), True), ((61, 60), False), ((None, 60), True), ((60, None), False)]
)
def test_memory_met(now: tuple[int | None, int | None], met: bool) -> None:
    assert Criteria().memory_met(point(100, 100), point(*now)) is met


def test_relative_change() -> None:
    assert relative_change(200, 50) == -0.75
    assert relative_change(None, 5) is relative_change(5, None) is relative_change(0, 5) is None


def test_no_bar_asks_for_more_than_everything() -> None:
    grown = plan(strategy="evict", where=(parse_condition("key prefix a"),), entries=100, matches=300)
    assert criteria_for(grown) == Criteria()


def test_a_bar_that_any_gc_meets_says_how_little_it_proves() -> None:
    bars = Criteria(0.004, 0.004, 0.005)
    small = prove(point(100, 100), [point(94, 94, 1)], entries_check(100, 99, bars), bars)
    assert small.passed
    assert ["proves little" in check.why for check in small.checks] == [True, True, False]
    large = prove(point(100, 100), [point(50, 50, 1)], entries_check(100, 0, Criteria()), Criteria())
    assert not any("proves little" in check.why for check in large.checks)


def test_a_shrink_carries_every_entry_over() -> None:
    assert kept_check(100, 100).passed
    lost = kept_check(100, 99)
    assert not lost.passed and lost.decides
    assert not kept_check(None, None).passed


@pytest.mark.parametrize(
    ("baseline", "now", "passed"),
    [(100, 125, True), (100, 126, False), (100, 1, True), (None, 5, False), (5, None, False)],
)
def test_back_near_the_baseline(baseline: int | None, now: int | None, passed: bool) -> None:
    check = baseline_check(baseline, now, 0.25)
    assert check.passed is passed and check.decides and check.why


def test_what_is_only_told_decides_nothing_and_has_not_passed() -> None:
    told = Check("growth", None, None, None, None, False, "not known", decides=False)
    proof = prove(point(100, 100), [point(10, 10, 2)], None, Criteria(), [told])
    assert proof.passed and not proof.checks[-1].passed and proof.next_steps == ()
    failed = prove(point(100, 100), [point(100, 10, 2)], None, Criteria(), [told])
    assert not failed.passed and len(failed.next_steps) == 1 and "verify" in failed.next_steps[0]


def test_the_next_step_is_about_the_cause_not_about_what_follows_from_it() -> None:
    full = prove(point(100, 100), [point(100, 100, 2)], entries_check(9, 9, Criteria()), Criteria())
    assert "who fills the map" in full.next_steps[0] and len(full.next_steps) == 3


def lagging(idle: int, released: int, rss: int, sys: int) -> str:
    now = MemoryPoint(
        UnixNanoseconds(10**9), rss * MIB, 10 * MIB, heap_idle_bytes=idle * MIB,
        heap_released_bytes=released * MIB, sys_bytes=sys * MIB,
    )  # fmt: skip
    return prove(point(400 * MIB, 400 * MIB), [now], None, Criteria()).checks[0].why


def test_why_rss_lags_is_told_in_figures() -> None:
    assert "280.0 MiB are free in the heap but not yet given back" in lagging(300, 20, 390, 420)
    madvised = lagging(300, 299, 390, 420)
    assert "holds 121.0 MiB" in madvised and "269.0 MiB more" in madvised and "MADV_FREE" in madvised
    assert "what is left is in use" in lagging(20, 19, 400, 420)
    silent = prove(point(100, 100), [point(90, 10, 1)], None, Criteria())
    assert "nobody measured here" in silent.checks[0].why
