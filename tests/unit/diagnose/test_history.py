"""Pictures of one heap at several moments, and what their change is worth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mapmedic.diagnose.history import History, build_history
from mapmedic.diagnose.pictures import distinct_pictures, since_restart
from mapmedic.model.observation import Capture
from mapmedic.model.units import MIB
from tests.unit.diagnose.builder import START, Heap, capture, watched


def history_of(*heaps: Heap, every: float = 10.0) -> History:
    history = build_history(watched(*heaps, every=every).captures)
    assert history is not None
    return history


def grown(before: int, after: int, size: int = 1000) -> tuple[Heap, Heap]:
    return Heap().holds("main.a", size, before), Heap().holds("main.a", size, after)


def test_growth_and_its_rate() -> None:
    growth = history_of(*grown(10**5, 10**5 * 2)).growth()
    assert growth.bytes == pytest.approx(10**8, rel=0.01)
    assert growth.bytes_per_second == pytest.approx(10**7, rel=0.01)
    assert growth.retained_share == 1.0
    assert growth.objects_made == pytest.approx(10**5, rel=0.01)
    assert (growth.rising, growth.intervals) == (1, 1)


def test_churn_grows_by_nothing_and_retains_nothing() -> None:
    growth = history_of(
        Heap().holds("main.a", 1000, 10**5), Heap().holds("main.a", 1000, 10**5, made=10**6)
    ).growth()
    assert (growth.bytes, growth.sigmas, growth.retained_share) == (0.0, 0.0, 0.0)
    assert growth.uncertainty_bytes > 5 * MIB


@pytest.mark.parametrize("heap", [Heap(at_rate=1), Heap()])
def test_growth_that_was_seen_for_certain_is_far_beyond_chance(heap: Heap) -> None:
    before = dataclasses.replace(heap, rows=[]).holds("main.a", 64 * MIB, 1)
    after = dataclasses.replace(heap, rows=[]).holds("main.a", 64 * MIB, 3)
    growth = history_of(before, after).growth()
    assert growth.uncertainty_bytes < 1.0
    assert growth.sigmas == pytest.approx(1000)
    assert history_of(after, before).growth().sigmas == pytest.approx(-1000)


def test_an_array_made_anew_at_each_step_is_not_churn() -> None:
    # 1.25 times longer each time; only the newest is held: a fifth of what was allocated.
    sizes = [int(MIB * 1.25**i) for i in range(12)]
    before, after = Heap(), Heap()
    for i, size in enumerate(sizes):
        before.holds(f"main.a:{i}", size, int(i == 4), made=int(i <= 4))
        after.holds(f"main.a:{i}", size, int(i == 11), made=1)
    history = history_of(before, after)
    everything = np.arange(len(sizes))
    plain = history.growth(everything)
    assert plain.retained_share == pytest.approx(0.25, abs=0.1)
    assert history.growth(everything, np.full(len(sizes), 5.0)).retained_share == pytest.approx(1.0, abs=0.1)


def test_the_deviation_never_falls_below_one_sampled_object() -> None:
    growth = history_of(Heap().sampled("main.a", 100, 0, 0), Heap().sampled("main.a", 100, 1, 1)).growth()
    assert growth.sigmas <= 1.01


def test_records_may_appear_and_disappear() -> None:
    before = Heap().holds("main.a", 1000, 10**5).holds("main.gone", 1000, 10**5)
    after = Heap().holds("main.new", 1000, 10**5).holds("main.a", 1000, 10**5)
    history = history_of(before, after)
    assert history.inuse_bytes.shape == (2, 2)
    assert history.growth(np.array([0])).bytes == pytest.approx(10**8, rel=0.01)
    assert history.growth(np.array([1])).bytes == 0


def test_twice_the_same_record_does_not_break_the_columns() -> None:
    heap = Heap().holds("main.a", 1000, 10**5).holds("main.a", 1000, 10**5)
    history = history_of(heap, heap)
    assert history.growth().bytes == 0
    assert history.growth(np.array([0, 1])).bytes == 0


def test_captures_in_any_order_are_the_same_history() -> None:
    heaps = [Heap().holds("main.a", 1000, n * 10**5) for n in range(1, 5)]
    captures = watched(*heaps).captures
    ordered, _ = since_restart([captures[2], captures[0], captures[3], captures[1]])
    assert ordered == captures
    assert history_of(*heaps).growth().rising == 3


def test_without_a_gc_between_there_is_one_picture() -> None:
    heap, more = grown(1, 10**6)
    captures = [capture(0, heap, gc=5), capture(10, more, gc=5)]
    history = build_history(captures)
    assert history is not None
    assert not history.moved
    assert history.growth().bytes == 0


def test_one_capture_and_none() -> None:
    single = build_history([capture(0, Heap().holds("main.a", 64, 10))])
    assert single is not None
    assert not single.moved
    assert build_history([]) is None
    assert build_history([capture(0, None)]) is None


def test_files_without_a_footer_give_the_latest_picture_only() -> None:
    heap, more = grown(10**5, 10**6)
    history = build_history([capture(0, heap, gc=None), capture(10, more, gc=None)])
    assert history is not None
    assert not history.moved
    assert history.heap.total_inuse_bytes == pytest.approx(10**9, rel=0.01)
    mixed = build_history([capture(0, heap, gc=1), capture(5, more, gc=2), capture(10, heap, gc=None)])
    assert mixed is not None
    assert mixed.moved, "the one with less in it hides nothing"


def _seconds(*captures: Capture) -> list[float]:
    pictures = distinct_pictures(captures)
    return [picture.seconds - pictures[0].seconds for picture in pictures]


def _stats(each: Capture, **changes: object) -> Capture:
    assert each.heap is not None and each.heap.memstats is not None
    heap = dataclasses.replace(each.heap, memstats=dataclasses.replace(each.heap.memstats, **changes))  # type: ignore[arg-type]
    return dataclasses.replace(each, heap=heap)


def test_after_a_forced_gc_the_picture_is_of_that_gc() -> None:
    heap = Heap().holds("main.a", 64, 10)
    assert _seconds(capture(0, heap, gc=3), capture(10, heap, gc=4)) == [0, 10]


def test_otherwise_the_picture_is_of_the_gc_before() -> None:
    heap = Heap().holds("main.a", 64, 10)
    ends = [0] * 256
    for number, second in ((9, 1), (10, 2), (11, 4), (12, 8)):
        ends[number - 1] = START + second * 10**9
    ring = {"pause_end_ns": tuple(ends), "num_forced_gc": 0}
    first = _stats(capture(5, heap, gc=10), **ring, last_gc_ns=ends[9])
    last = _stats(capture(9, heap, gc=12), **ring, last_gc_ns=ends[11])
    assert _seconds(first, last) == [0, 3]


def test_two_gcs_of_the_services_first_second_say_nothing_of_the_window() -> None:
    heap = Heap().holds("main.a", 64, 10)
    ends = (START, START + 2 * 10**8, START + 20 * 10**9) + (0,) * 253
    ring = {"pause_end_ns": ends, "num_forced_gc": 0}
    first = _stats(capture(15, heap, gc=2), **ring, last_gc_ns=ends[1])
    last = _stats(capture(27, heap, gc=3), **ring, last_gc_ns=ends[2])
    assert _seconds(first, last) == [0]


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, START + 10**10), (START, START), (START + 10**10, START), (START, 0)],
    ids=["no LastGC at first", "equal", "backwards", "none at last"],
)
def test_where_the_targets_clock_is_of_no_use_ours_is_used_for_all(first: int, last: int) -> None:
    heap = Heap().holds("main.a", 64, 10)
    before = _stats(capture(0, heap, gc=3), last_gc_ns=first, num_forced_gc=3)
    after = _stats(capture(12, heap, gc=4), last_gc_ns=last, num_forced_gc=4)
    assert _seconds(before, after) == [0, 12]


@pytest.mark.parametrize("fallen", ["num_gc", "total_alloc_bytes", "mallocs"])
def test_a_counter_that_falls_is_another_process(fallen: str) -> None:
    heap = Heap().holds("main.a", 64, 10)
    captures = [
        capture(0, heap, gc=50),
        capture(10, heap, gc=51),
        capture(20, heap, gc=60),
        capture(30, heap, gc=61),
    ]
    captures[2] = _stats(captures[2], **{fallen: 7})
    captures[3] = _stats(captures[3], **{fallen: 8})
    kept, why = since_restart(captures)
    assert kept == tuple(captures[2:])
    assert why is not None and "to 7" in why
    assert since_restart(captures[:2]) == (tuple(captures[:2]), None)
