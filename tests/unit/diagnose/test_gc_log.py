"""A gctrace log alone: growth is known from it, its owner is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from mapmedic.diagnose.gc_log import live_course, window_for
from mapmedic.diagnose.verdict import diagnose
from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.units import MIB
from tests.unit.diagnose.builder import observation
from tests.unit.formats.test_gctrace import cycle


def trace(live_mib: Callable[[int], int], cycles: int = 30, every: float = 1.0) -> GcTrace:
    return parse_gctrace(b"".join(cycle(n + 1, n * every, live_mib(n)) for n in range(cycles)))


def diagnosed(log: GcTrace) -> Diagnosis:
    return diagnose(dataclasses.replace(observation(), gc_trace=log))


def test_growth_is_told_with_its_rate_and_decides_nothing() -> None:
    diagnosis = diagnosed(trace(lambda n: 100 + 3 * n + 40 * (n % 2)))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert diagnosis.reasons[0].startswith("the live heap grows by about 3 MiB/s: 130 MiB at least, then 160")
    assert diagnosis.reasons[1].endswith("a gctrace log does not say what holds the heap")
    assert diagnosis.next_steps[0].startswith("mapmedic diagnose http://127.0.0.1:6060 --for 30s")


@pytest.mark.parametrize(
    "live_mib",
    [lambda _: 100, lambda n: 100 + 80 * (n % 3), lambda n: min(20 * n, 150), lambda n: 200 - n],
    ids=["flat", "what is under way", "a start", "shrinking"],
)
def test_what_does_not_grow_is_told_as_such_and_is_not_healthy(live_mib: Callable[[int], int]) -> None:
    diagnosis = diagnosed(trace(live_mib))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert diagnosis.reasons[0].startswith("the live heap does not grow")


@pytest.mark.parametrize("cycles", [1, 5])
def test_a_few_cycles_tell_nothing(cycles: int) -> None:
    assert live_course(trace(lambda n: 10 * n, cycles)) is None
    assert "too few" in diagnosed(trace(lambda n: 10 * n, cycles)).reasons[0]


def test_all_cycles_in_the_start_tell_nothing() -> None:
    late = b"".join(cycle(n + 1, 0.01 * n, n) for n in range(9)) + cycle(10, 60, 500)
    assert live_course(parse_gctrace(late)) is None


def test_the_rate_leaves_the_start_out() -> None:
    course = live_course(trace(lambda n: 50 * n if n < 10 else 500 + n))
    assert course is not None
    assert course.bytes_per_second == pytest.approx(MIB)


def test_the_next_look_is_long_enough_for_a_few_gcs() -> None:
    assert window_for(trace(lambda _: 1, every=0.1)) == 30
    assert window_for(trace(lambda _: 1, every=20)) == 80
    assert window_for(trace(lambda _: 1, every=5000)) == 600
    assert window_for(trace(lambda _: 1, cycles=1)) == 30
