"""Pauses since the fix, the slope of the live heap, and whether the GC's own log agrees; unknown is never passed."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import MIB, NANOSECONDS_PER_SECOND, UnixNanoseconds
from mapmedic.remedy.gc_checks import growth_check, live_slope, pause_check, trace_check
from tests.golden.corpus import FOLDERS

REAL = parse_heap_text((FOLDERS[0] / "heap.txt").read_bytes()).memstats
assert REAL is not None


def stats(num_gc: int, pauses_ms: dict[int, float] | None = None, usual_ms: float = 0.1) -> MemStats:
    """Return MemStats after ``num_gc`` collections, each with a usual pause except for those given."""
    ring = [0] * 256
    for number in range(max(1, num_gc - 255), num_gc + 1):
        ring[(number + 255) % 256] = int((pauses_ms or {}).get(number, usual_ms) * 1e6)
    return replace(REAL, num_gc=num_gc, pause_ns=tuple(ring))


def test_only_pauses_after_the_fix_count() -> None:
    bad_before = dict.fromkeys(range(1, 101), 80.0)
    check = pause_check(stats(100, bad_before), stats(120, bad_before), 10.0, 100)
    assert check.passed and check.before == pytest.approx(80.0) and check.after == pytest.approx(0.1)
    still = pause_check(stats(100), stats(120, {115: 25.0}), 10.0, 100)
    assert not still.passed and still.decides and still.after == pytest.approx(25.0)
    assert pause_check(stats(100), stats(120, {101: 25.0}), 10.0, 101).passed, (
        "the commit's own collection is not after it"
    )


def test_a_ring_that_went_round_still_knows_its_last() -> None:
    check = pause_check(stats(1000), stats(1300, {1300: 50.0, 1001: 99.0}), 10.0, 1000)
    assert check.after == pytest.approx(0.1), "one of 256 is not the 99th percentile, and 1001 is gone"
    assert stats(1300, {1300: 50.0}).pause_of(1300) == 50_000_000


def test_a_process_that_was_started_anew_is_looked_at_whole() -> None:
    assert len(stats(7).pauses_after(500)) == 7


@pytest.mark.parametrize(("after", "why"), [(None, "heap?debug=1"), (stats(104), "GCs since: 4")])
def test_too_few_pauses_are_not_known_and_not_passed(after: MemStats | None, why: str) -> None:
    check = pause_check(stats(100), after, 10.0, None)
    assert not check.passed and not check.decides and why in check.why


def points(
    per_second: float, noise: float, seconds: int = 30, garbage: float = 50 * MIB
) -> list[MemoryPoint]:
    """Return a saw-tooth: a collection a second, garbage on top, sampled twice a second."""
    draw = Random(7)  # noqa: S311 - made up
    made = []
    for half in range(seconds * 2):
        at = half / 2
        live = 100 * MIB + per_second * int(at) + draw.gauss(0, noise)
        heap = live + garbage * (at - int(at))
        made.append(MemoryPoint(UnixNanoseconds(int(at * NANOSECONDS_PER_SECOND)), None, int(heap), int(at)))
    return made


def test_the_slope_is_that_of_the_live_heap_with_its_error() -> None:
    slope = live_slope(points(2 * MIB, 0.5 * MIB))
    assert slope is not None and slope.cycles == 30
    assert slope.per_second == pytest.approx(2 * MIB, abs=4 * slope.error)
    assert 0 < slope.error < 0.1 * MIB
    check = growth_check(None, slope, decides=True)
    assert not check.passed and check.decides and "it grows again" in check.why
    told = growth_check(None, slope, decides=False, full_bytes=100 * MIB)
    assert not told.decides and "in about 50 s" in told.why


def test_no_growth_passes_and_what_is_left_of_a_growth_is_measured_by_it() -> None:
    flat = live_slope(points(0, 0.5 * MIB))
    assert growth_check(None, flat, decides=True).passed
    before, after = live_slope(points(10 * MIB, 0)), live_slope(points(0.9 * MIB, 0))
    assert growth_check(before, after, decides=True).passed, "less than a tenth of what it was"
    assert not growth_check(None, after, decides=True).passed


@pytest.mark.parametrize(
    "seen", [[], points(5 * MIB, 0, seconds=1), points(5 * MIB, 0)[:5], points(0, 0)[:2]]
)
def test_a_slope_of_too_little_is_not_known(seen: list[MemoryPoint]) -> None:
    check = growth_check(None, live_slope(seen), decides=True)
    assert not check.passed and not check.decides and "not known" in check.why


def log(pauses_ms: dict[int, float]) -> GcTrace:
    line = (
        "gc {0} @{0}.123s 3%: {1:.3f}+0.30+0.000 ms clock, 0.1+0.3/12/0+5.5 ms cpu, 12->13->8 MB, 17 MB goal, "
        "1 MB stacks, 0 MB globals, 2 P\n"
    )
    return parse_gctrace("".join(line.format(n, ms) for n, ms in pauses_ms.items()).encode())


def test_the_log_and_memstats_agree_collection_by_collection() -> None:
    whole = log(dict.fromkeys(range(1, 31), 0.1))
    assert np.all(whole.number[:3] == [1, 2, 3])
    good = trace_check(whole, stats(20), stats(30))
    assert good.passed and (good.before, good.after) == (10, 10)
    other = trace_check(log(dict.fromkeys(range(1, 31), 3.0)), stats(20), stats(30))
    assert not other.passed and other.decides and "10 have another pause" in other.why
    cut = trace_check(log(dict.fromkeys(range(1, 26), 0.1)), stats(20), stats(30))
    assert not cut.passed and "5 of 10 collections are not in the log" in cut.why


def test_without_a_collection_in_between_agreement_is_not_known() -> None:
    check = trace_check(log({1: 0.1}), stats(20), stats(20))
    assert not check.passed and not check.decides
