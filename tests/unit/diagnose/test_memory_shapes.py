"""Rules on where memory is rather than how it grows: each fires on its own case, not on its healthy twin."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import KIB, MIB, NANOSECONDS_PER_SECOND, UnixNanoseconds
from tests.unit.diagnose.builder import HTTP, SWISS, Heap, capture, observation, watched

LOGIN = f"main.login < {HTTP}"


def shaped(heap: Heap, rss: int | None = None, allocated: int = 0, **stats: Any) -> Diagnosis:
    """Diagnose three captures of ``heap``, a GC before each, with these runtime counters and this RSS."""
    captures = []
    for visit in range(3):
        seen = capture(visit * 10.0, heap, gc=visit + 2, allocated=visit * allocated)
        assert seen.heap is not None and seen.heap.memstats is not None
        footer = dataclasses.replace(seen.heap.memstats, **stats)
        captures.append(dataclasses.replace(seen, heap=dataclasses.replace(seen.heap, memstats=footer)))
    timeline = tuple(MemoryPoint(each.at, rss, None) for each in captures) if rss is not None else ()
    return diagnose(dataclasses.replace(observation(*captures), timeline=timeline))


def small() -> Heap:
    return Heap().holds(f"main.newPage < {LOGIN}", 1000, 30_000)


def go_holds(total: int, *, next_gc: int = 60 * MIB, stacks: int = MIB) -> dict[str, int]:
    return {
        "sys_bytes": total, "heap_sys_bytes": total - 4 * MIB, "heap_released_bytes": 0,
        "heap_inuse_bytes": 32 * MIB, "next_gc_bytes": next_gc, "stack_inuse_bytes": stacks,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rss", "verdict"),
    [
        (70 * MIB, Verdict.HEALTHY),
        (120 * MIB, Verdict.HEALTHY),  # 50 MiB outside: a binary and its libraries
        (300 * MIB, Verdict.OFF_HEAP),
        (None, Verdict.HEALTHY),  # nobody measured it
    ],
)
def test_off_heap_is_what_go_does_not_hold(rss: int | None, verdict: Verdict) -> None:
    diagnosis = shaped(small(), rss, **go_holds(70 * MIB))
    assert diagnosis.verdict is verdict
    if verdict is Verdict.OFF_HEAP:
        assert diagnosis.suspects[0].bytes == 230 * MIB


def test_rss_measured_at_another_time_says_nothing_of_a_capture() -> None:
    seen = observation(*(capture(i * 10.0, small(), gc=i + 2) for i in range(3)))
    late = UnixNanoseconds(seen.captures[-1].at + 60 * NANOSECONDS_PER_SECOND)
    point = MemoryPoint(late, 10_000 * MIB, None)
    assert diagnose(dataclasses.replace(seen, timeline=(point,))).verdict is not Verdict.OFF_HEAP


@pytest.mark.parametrize(
    ("held", "next_gc", "verdict"),
    [
        (70 * MIB, 60 * MIB, Verdict.HEALTHY),
        (300 * MIB, 60 * MIB, Verdict.IDLE_NOT_RETURNED),
        (150 * MIB, 100 * MIB, Verdict.HEALTHY),  # the next cycle needs it
        (120 * MIB, 60 * MIB, Verdict.HEALTHY),  # less than is worth a word
    ],
)
def test_idle_is_what_no_cycle_needs(held: int, next_gc: int, verdict: Verdict) -> None:
    assert shaped(small(), **go_holds(held, next_gc=next_gc)).verdict is verdict


@pytest.mark.parametrize(
    ("held", "next_gc", "stacks", "verdict"),
    [
        (70 * MIB, 60 * MIB, MIB, Verdict.HEALTHY),  # GOGC=100
        (330 * MIB, 330 * MIB, MIB, Verdict.GC_LAG),  # GOGC=1000
        (330 * MIB, 330 * MIB, 270 * MIB, Verdict.HEALTHY),  # the stacks are roots and count
    ],
)
def test_gc_lag_is_a_goal_far_beyond_what_is_live(
    held: int, next_gc: int, stacks: int, verdict: Verdict
) -> None:
    assert shaped(small(), **go_holds(held, next_gc=next_gc, stacks=stacks)).verdict is verdict


def test_a_leak_on_a_late_gc_is_the_leak() -> None:
    heaps = [
        Heap().holds(f"{SWISS} < main.put:9 < {LOGIN}", 40 * KIB, n * 40)
        .holds(f"main.newSession < {LOGIN}", 1000, n * 30_000)
        for n in (1, 2, 3, 4)
    ]  # fmt: skip
    seen = watched(*heaps)
    late = []
    for each in seen.captures:
        assert each.heap is not None and each.heap.memstats is not None
        footer = dataclasses.replace(each.heap.memstats, **go_holds(900 * MIB, next_gc=900 * MIB))
        late.append(dataclasses.replace(each, heap=dataclasses.replace(each.heap, memstats=footer)))
    diagnosis = diagnose(dataclasses.replace(seen, captures=tuple(late)))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert Verdict.GC_LAG not in [suspect.code for suspect in diagnosis.suspects]


@pytest.mark.parametrize(
    ("left", "made", "verdict"),
    [
        (0, 400_000, Verdict.MAP_NEVER_SHRINKS),
        (400_000, 400_000, Verdict.LARGE_STEADY_MAP),  # full
        (400_000, 4_000_000, Verdict.LARGE_STEADY_MAP),  # full, and its contents change
        (0, 0, Verdict.LARGE_STEADY_MAP),  # plain numbers: nothing is ever allocated beside the arrays
    ],
)
def test_an_emptied_map_has_arrays_and_no_contents(left: int, made: int, verdict: Verdict) -> None:
    heap = Heap().holds(f"{SWISS} < main.place:67 < {LOGIN}", 112 * KIB, 1_000)
    if made:
        heap.holds(f"main.newOrder < {LOGIN}", 64, left, made=made)
    assert shaped(heap, **go_holds(200 * MIB, next_gc=220 * MIB)).verdict is verdict


@pytest.mark.parametrize(
    ("remade", "allocated", "verdict"),
    [
        (400, 100 * MIB, Verdict.MAP_CHURN),
        (400, 10_000 * MIB, Verdict.HEALTHY),  # a drop in what the process allocates
        (4, 100 * MIB, Verdict.HEALTHY),
    ],
)
def test_map_churn_is_allocation_that_goes_into_arrays(remade: int, allocated: int, verdict: Verdict) -> None:
    def batches(number: int) -> Heap:
        heap = Heap().holds(f"main.newPage < {LOGIN}", 1000, 30_000)
        return heap.holds(f"{SWISS} < main.meter:57 < {LOGIN}", 112 * KIB, 2, made=2 + number * remade)

    captures = [capture(i * 10.0, batches(i), gc=i + 2, allocated=i * allocated) for i in range(3)]
    assert diagnose(observation(*captures)).verdict is verdict


def test_small_maps_made_for_one_value_are_no_churn() -> None:
    """A JSON API decodes each request into a map of its own: nothing there can be kept and cleared."""

    def requests(number: int) -> Heap:
        heap = Heap().holds(f"main.newPage < {LOGIN}", 1000, 30_000)
        return heap.holds(f"{SWISS} < main.handle:57 < {LOGIN}", 288, 2, made=2 + number * 200_000)

    captures = [capture(i * 10.0, requests(i), gc=i + 2, allocated=i * 100 * MIB) for i in range(3)]
    assert diagnose(observation(*captures)).verdict is Verdict.HEALTHY


def beside_inline_values(made: int, arrays: tuple[int, ...] = (1_000, 1_000, 1_000)) -> Diagnosis:
    """Diagnose a map whose values lie in its buckets, beside which each request makes text that it drops."""
    heaps = [
        Heap().holds(f"{SWISS} < main.count:9 < {LOGIN}", 112 * KIB, count)
        .holds(f"fmt.Sprintf < main.count:8 < {LOGIN}", 64, 0, made=400_000 + number * made)
        for number, count in enumerate(arrays)
    ]  # fmt: skip
    return diagnose(watched(*heaps))


def test_what_requests_drop_beside_a_full_map_does_not_make_it_emptied() -> None:
    diagnosis = beside_inline_values(made=80_000)
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "it be full" in diagnosis.reasons[0]
    assert beside_inline_values(made=100).verdict is Verdict.MAP_NEVER_SHRINKS


def test_a_map_that_still_fills_up_was_not_emptied() -> None:
    diagnosis = beside_inline_values(100, (1_000, 1_400, 1_800))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert Verdict.MAP_NEVER_SHRINKS not in [suspect.code for suspect in diagnosis.suspects]


def test_without_a_goal_the_gc_is_off_and_no_figure_is_made_of_it() -> None:
    off = {"next_gc": 2**64 - 1}
    assert shaped(small(), **go_holds(70 * MIB, **off)).verdict is Verdict.HEALTHY
    diagnosis = shaped(small(), **go_holds(700 * MIB, **off))
    assert diagnosis.verdict is Verdict.GC_LAG
    assert diagnosis.suspects[0].bytes < 700 * MIB
    assert "GOGC=off" in diagnosis.reasons[0]


def test_an_empty_profile_of_a_full_heap_says_nothing() -> None:
    counters = {**go_holds(700 * MIB, next_gc=600 * MIB), "heap_alloc_bytes": 500 * MIB}
    diagnosis = shaped(Heap(), **counters)
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "profiling is switched off" in diagnosis.reasons[0]


def test_what_go_returned_and_the_kernel_still_counts_is_not_surely_off_heap() -> None:
    counters = {**go_holds(570 * MIB), "heap_released_bytes": 500 * MIB}
    assert shaped(small(), 200 * MIB, **counters).verdict is Verdict.UNDETERMINED
    assert shaped(small(), 900 * MIB, **counters).verdict is Verdict.OFF_HEAP


def seen_with_rss(rss: tuple[int, ...], pages: tuple[int, ...]) -> Diagnosis:
    captures = []
    for visit, count in enumerate(pages):
        seen = capture(visit * 10.0, Heap().holds(f"main.newPage < {LOGIN}", 1000, count), gc=visit + 2)
        assert seen.heap is not None and seen.heap.memstats is not None
        footer = dataclasses.replace(seen.heap.memstats, **go_holds(150 * MIB, next_gc=150 * MIB))
        captures.append(dataclasses.replace(seen, heap=dataclasses.replace(seen.heap, memstats=footer)))
    timeline = tuple(MemoryPoint(c.at, size, None) for c, size in zip(captures, rss, strict=True))
    return diagnose(dataclasses.replace(observation(*captures), timeline=timeline))


def test_off_heap_was_so_at_each_capture_only_where_it_was() -> None:
    steady = (30_000, 30_000, 30_000)
    assert any("at each of 3" in r for r in seen_with_rss((500 * MIB,) * 3, steady).reasons)
    sudden = seen_with_rss((120 * MIB, 120 * MIB, 500 * MIB), steady)
    assert not any("at each" in reason for reason in sudden.reasons)


def test_a_growing_heap_beside_off_heap_memory_is_not_kept_quiet() -> None:
    diagnosis = seen_with_rss((500 * MIB,) * 3, (30_000, 60_000, 90_000))
    assert diagnosis.verdict is Verdict.OFF_HEAP
    assert any("the live heap grew" in reason for reason in diagnosis.reasons)
