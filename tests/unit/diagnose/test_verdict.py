"""Each rule fires on its own case and not on its healthy twin; what is not known is said."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, Reason, Verdict
from mapmedic.model.units import KIB, MIB
from tests.unit.diagnose.builder import (
    APPEND,
    CLASSIC,
    HASHTRIE,
    HTTP,
    SWISS,
    Heap,
    capture,
    goroutines,
    observation,
    registered,
    watched,
)

LOGIN = f"main.login < {HTTP}"


def sessions(entries: int, design: str = SWISS, made: int | None = None) -> Heap:
    """A map that holds so many sessions of 1 KB, of ``made`` in all."""
    heap = Heap().holds(f"{design} < main.put:9 < {LOGIN}", 40 * KIB, max(1, entries // 800))
    return heap.holds(f"main.newSession < {LOGIN}", 1000, entries, made=made)


def code_words(diagnosis: Diagnosis) -> str:
    return "; ".join((*diagnosis.reasons, *diagnosis.next_steps))


@pytest.mark.parametrize("design", [SWISS, CLASSIC, HASHTRIE])
def test_map_leak(design: str) -> None:
    diagnosis = diagnose(watched(*(sessions(n * 30_000, design) for n in (1, 2, 3, 4))))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    suspect = diagnosis.suspects[0]
    assert suspect.site is not None and suspect.site.function == "main.put"
    assert suspect.growth_bytes_per_second == pytest.approx(3.1e6, rel=0.1)
    assert 0.8 < diagnosis.confidence < 1
    assert [evidence.measured for evidence in suspect.evidence]


def test_its_healthy_twin_allocates_as_much_and_keeps_none_of_it() -> None:
    churn = [sessions(30_000, made=n * 30_000) for n in (1, 2, 3, 4)]
    diagnosis = diagnose(watched(*churn))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert re.fullmatch(r"a leak slower than [\d.]+ MiB/s may not show in 30 s", diagnosis.reasons[-1])


def test_a_map_of_plain_numbers_leaks_in_its_arrays_alone() -> None:
    # Tables split one after another: each split makes two and frees one.
    heaps = [
        Heap().holds(f"{SWISS} < main.count:4 < {LOGIN}", 20 * KIB, n * 1000, made=n * 2000)
        for n in (1, 2, 3)
    ]
    diagnosis = diagnose(watched(*heaps))
    assert diagnosis.verdict is Verdict.MAP_LEAK


def test_one_doubling_of_one_array_is_no_leak_yet_and_not_healthy() -> None:
    def counters(doublings: int) -> Heap:
        heap = Heap()
        for i in range(3):
            heap.sampled(
                f"{CLASSIC} < main.count:4 < {LOGIN}", 32 * MIB << i, int(i == doublings), int(i <= doublings)
            )
        return heap

    diagnosis = diagnose(watched(counters(1), counters(1), counters(2)))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "grew once" in code_words(diagnosis)
    assert diagnosis.suspects[0].code is Verdict.MAP_LEAK


def test_a_handlers_garbage_does_not_hide_the_leak() -> None:
    heaps = [
        sessions(n * 20_000).holds(f"main.decode < {LOGIN}", 4000, 100, made=n * 500_000) for n in (1, 2, 3)
    ]
    assert diagnose(watched(*heaps)).verdict is Verdict.MAP_LEAK


def test_of_a_function_that_makes_garbage_as_well_the_lines_that_stay_count() -> None:
    # A draft and the result, as large as each other: of all that the function makes less than half stays.
    heaps = [
        Heap()
        .holds(f"{SWISS} < main.put:9 < main.run < {HTTP}", 40 * KIB, 100 * n)
        .holds(f"main.job:41 < main.run < {HTTP}", 1000, 100, made=n * 40_000)
        .holds(f"main.job:44 < main.run < {HTTP}", 1000, n * 30_000)
        for n in (1, 2, 3, 4)
    ]
    diagnosis = diagnose(watched(*heaps))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert diagnosis.suspects[0].growth_bytes_per_second == pytest.approx(3.4e6, rel=0.1)


def test_values_with_small_maps_in_them_do_not_take_the_blame() -> None:
    heaps = [
        sessions(n * 20_000).holds(f"runtime.makemap_small < main.newSession < {LOGIN}", 400, n * 20_000)
        for n in (1, 2, 3)
    ]
    diagnosis = diagnose(watched(*heaps))
    assert [s.site.function for s in diagnosis.suspects if s.site] == ["main.put"]


def test_of_two_maps_in_one_function_the_line_that_grows_is_named() -> None:
    heaps = [
        Heap()
        .holds(f"{SWISS} < main.put:10", 40 * KIB, 5000)
        .holds(f"{SWISS} < main.put:20", 40 * KIB, n * 200)
        for n in (1, 5, 9)
    ]
    suspect = diagnose(watched(*heaps)).suspects[0]
    assert suspect.site is not None and suspect.site.line == 20


def test_of_a_map_and_a_slice_in_one_function_the_one_that_grows_is_named_and_the_doubt_said() -> None:
    def recorded(steps: int) -> Heap:
        heap = Heap().sampled(f"{SWISS} < main.record:6 < {LOGIN}", 64 * MIB, 1, 1)
        for i in range(steps + 1):
            array = int(2 * MIB * 1.25**i)
            heap.sampled(f"{APPEND} < main.record:7 < {LOGIN}", array, int(i == steps), 1)
        return heap.holds(f"main.record:7 < {LOGIN}", 300, steps * 20_000)

    diagnosis = diagnose(watched(recorded(2), recorded(5), recorded(8), recorded(11)))
    assert diagnosis.verdict is Verdict.SLICE_GROWTH
    assert diagnosis.suspects[0].site is not None and diagnosis.suspects[0].site.line == 7
    assert "also fills a map" in code_words(diagnosis)


def test_many_small_maps_are_not_one_map_that_leaks() -> None:
    heaps = [
        Heap()
        .holds(f"{SWISS} < main.addBatch:3 < {LOGIN}", 1792, n * 20_000)
        .holds(f"main.addBatch:4 < {LOGIN}", 300, n * 20_000)
        for n in (1, 2, 3, 4)
    ]
    diagnosis = diagnose(watched(*heaps))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "more maps with arrays of at most 1,792 bytes: what keeps them grows" in code_words(diagnosis)


def test_small_shards_that_stay_as_many_are_one_map() -> None:
    heaps = [
        Heap()
        .holds(f"{SWISS} < main.put:3 < {LOGIN}", 1792, 10_000)
        .holds(f"main.put:3 < {LOGIN}", 4000, n * 5_000)
        for n in (1, 2, 3, 4)
    ]
    assert diagnose(watched(*heaps)).verdict is Verdict.MAP_LEAK


def test_a_cache_in_a_library_says_whose_code_fills_it() -> None:
    library = "/go/pkg/mod/x.org/lru@v2.0.7/lru.go|x.org/lru.(*LRU[...]).Add:60"
    heaps = [
        Heap().holds(f"{SWISS} < {library} < main.request:21 < {HTTP}", 40 * KIB, n * 1000) for n in (1, 2, 3)
    ]
    told = [e.measured for e in diagnose(watched(*heaps)).suspects[0].evidence if "a library" in e.claim]
    assert told == ["main.request:21"]
    own = diagnose(watched(*(sessions(n * 30_000) for n in (1, 2, 3))))
    assert not [e for e in own.suspects[0].evidence if "a library" in e.claim]


def test_no_less_went_in_than_is_held() -> None:
    heaps = [Heap().holds(f"{SWISS} < main.put:9 < {LOGIN}", 40 * KIB, n * 1000) for n in (1, 2, 3)]
    words = code_words(diagnose(watched(*heaps)))
    gone_in, held = re.findall(r"of ([\d.]+) MiB that went into it in the window ([\d.]+) MiB", words)[0]
    assert float(gone_in) >= float(held) > 0


def test_a_map_that_fills_up_gets_a_doubt() -> None:
    filling = diagnose(watched(*(sessions(n) for n in (10_000, 70_000, 90_000, 95_000))))
    leaking = diagnose(watched(*(sessions(n) for n in (10_000, 40_000, 70_000, 100_000))))
    assert "more slowly by the end" in code_words(filling)
    assert "more slowly" not in code_words(leaking)
    assert filling.confidence < leaking.confidence


def test_a_short_window_is_a_doubt() -> None:
    assert "a window of 6 s" in code_words(
        diagnose(watched(*(sessions(n * 30_000) for n in (1, 2, 3)), every=3))
    )


def audit_log(steps: int) -> Heap:
    heap = Heap()
    for i in range(12):
        size = int(2 * MIB * 1.25**i)
        heap.sampled(f"{APPEND} < main.record:7 < {LOGIN}", size, int(i == steps), int(i <= steps))
    return heap


def test_slice_growth_of_plain_values() -> None:
    diagnosis = diagnose(watched(audit_log(2), audit_log(6), audit_log(11)))
    assert diagnosis.verdict is Verdict.SLICE_GROWTH
    assert diagnosis.suspects[0].kind == "slice"
    assert diagnose(watched(audit_log(6), audit_log(6), audit_log(6))).verdict is Verdict.HEALTHY


def test_slice_growth_without_its_runtime_frame() -> None:
    def grown(steps: int) -> Heap:
        heap = Heap()
        for i in range(steps + 1):
            heap.sampled(f"main.record:7 < {LOGIN}", int(2 * MIB * 1.25**i), int(i == steps), 1)
        return heap

    assert diagnose(watched(grown(3), grown(7), grown(11))).verdict is Verdict.SLICE_GROWTH


def test_large_steady_map_and_its_twin_that_moves() -> None:
    steady = diagnose(watched(*(sessions(200_000) for _ in range(3))))
    assert steady.verdict is Verdict.LARGE_STEADY_MAP
    assert not steady.verdict.is_finding
    moving = diagnose(watched(*(sessions(200_000, made=n * 200_000) for n in (1, 2, 3))))
    assert moving.verdict is Verdict.HEALTHY


def test_a_steady_map_does_not_cover_growth_elsewhere() -> None:
    heaps = [
        sessions(300_000).holds("main.list < main.cron < main.worker", 2000, n * 15_000) for n in (1, 2, 3)
    ]
    diagnosis = diagnose(watched(*heaps))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "made at main.list, and nothing tells what keeps it" in code_words(diagnosis)
    assert Verdict.LARGE_STEADY_MAP in [suspect.code for suspect in diagnosis.suspects]


def _goroutines_over(*dumps: dict[str, int], every: float = 10.0) -> Diagnosis:
    heap = Heap().holds("main.a", 64, 1000)
    return diagnose(
        observation(
            *(
                capture(i * every, heap, gc=i + 1, goroutines=goroutines(**each))
                for i, each in enumerate(dumps)
            )
        )
    )


def test_goroutine_leak() -> None:
    diagnosis = _goroutines_over(*({"wait": n, "serve": 9} for n in (10, 200, 400, 600)))
    assert diagnosis.verdict is Verdict.GOROUTINE_LEAK
    assert diagnosis.suspects[0].site is not None and diagnosis.suspects[0].site.function == "main.wait"
    assert diagnosis.suspects[0].entries == 600
    assert diagnosis.suspects[0].bytes <= 10**6


@pytest.mark.parametrize(
    ("name", "dumps"),
    [
        ("a pool that fills up", [{"wait": n} for n in (10, 200, 200, 200)]),
        ("connections of new clients", [{"conn": n} for n in (10, 200, 400, 600)]),
        ("up and down", [{"wait": n} for n in (10, 400, 20, 30)]),
        ("in many places", [{f"w{i}": n for i in range(9)} for n in (1, 10, 20)]),
        ("few", [{"wait": n} for n in (10, 20, 40)]),
    ],
)
def test_goroutines_that_are_no_leak(name: str, dumps: list[dict[str, int]]) -> None:
    assert not _goroutines_over(*dumps).verdict.is_finding, name


def test_two_groups_at_one_stack_count_together() -> None:
    dump = goroutines(wait=300)
    twice = dataclasses.replace(dump, groups=dump.groups * 2, total=600)
    heap = Heap().holds("main.a", 64, 1000)
    captures = [
        capture(0, heap, gc=1, goroutines=goroutines(wait=3)),
        capture(9, heap, gc=2, goroutines=twice),
    ]
    assert diagnose(observation(*captures)).suspects[0].entries == 600


@pytest.mark.parametrize("allocated", [2 * MIB, 3000 * MIB])
def test_no_gc_in_the_window_is_undetermined_never_healthy(allocated: int) -> None:
    heap = sessions(30_000)
    captures = [capture(0, heap, gc=5, allocated=10**9), capture(30, heap, gc=5, allocated=10**9 + allocated)]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "--gc" in diagnosis.next_steps[0]
    assert "NumGC stayed at 5" in diagnosis.reasons[0]


def test_no_gc_and_nothing_allocated_is_healthy() -> None:
    heap = sessions(3_000)
    captures = [capture(0, heap, gc=5, allocated=10**9), capture(30, heap, gc=5, allocated=10**9 + 5000)]
    assert diagnose(observation(*captures)).verdict is Verdict.HEALTHY


def test_a_single_capture_says_what_it_cannot_know() -> None:
    diagnosis = diagnose(observation(capture(0, sessions(100_000))))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "not whether it grows" in diagnosis.reasons[0]
    assert diagnosis.next_steps == ("mapmedic diagnose http://127.0.0.1:6060 --for 30s",)
    assert diagnosis.suspects[0].site is not None and diagnosis.suspects[0].site.function == "main.put"


def test_nothing_captured() -> None:
    assert diagnose(observation()).verdict is Verdict.UNDETERMINED
    assert "no heap profile" in diagnose(observation(capture(0))).reasons[0]


def test_binary_profiles_do_not_claim_to_know_about_gcs() -> None:
    captures = [capture(0, sessions(1000), gc=None), capture(30, sessions(90_000), gc=None)]
    diagnosis = diagnose(observation(*captures, target="a.pb.gz + b.pb.gz"))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "NumGC" not in diagnosis.reasons[0]
    assert "mapmedic diagnose URL " in diagnosis.next_steps[0]


def test_a_restart_is_said_and_is_no_shrinkage() -> None:
    captures = [capture(0, sessions(90_000), gc=50), capture(10, sessions(100), gc=2, allocated=10**6)]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "NumGC fell from 50 to 2" in diagnosis.reasons[0]
    assert any("restart" in blank.what for blank in diagnosis.not_captured)


def test_a_leak_after_a_restart_is_found_and_the_restart_is_said() -> None:
    captures = [capture(0, sessions(90_000), gc=50)]
    captures += [capture(10 * n, sessions(n * 30_000), gc=n) for n in (1, 2, 3)]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert (diagnosis.captures, diagnosis.window_seconds) == (3, 20)
    assert any("NumGC fell" in blank.why for blank in diagnosis.not_captured)


def test_the_worst_is_the_verdict_and_the_other_stays_a_suspect() -> None:
    def both(n: int) -> Heap:
        return sessions(n * 30_000).holds(f"{SWISS} < main.index:3 < main.worker", 40 * KIB, n * 200)

    captures = [capture(10 * n, both(n), gc=n, goroutines=goroutines(wait=100 * n)) for n in (1, 2, 3)]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    sites = [(s.code, s.site.function) for s in diagnosis.suspects if s.site]
    assert sites[0] == (Verdict.MAP_LEAK, "main.put")
    assert (Verdict.GOROUTINE_LEAK, "main.wait") in sites
    assert (Verdict.MAP_LEAK, "main.index") in sites


def test_names_from_the_target_cannot_break_out_of_the_command() -> None:
    name = "x; rm -rf ~ #"
    captures = [
        capture(10 * n, sessions(n * 90_000), gc=n, maps=[registered(name, n * 90_000)]) for n in (1, 2, 3)
    ]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.suspects[0].label == name
    assert diagnosis.next_steps == ("mapmedic hotfix http://127.0.0.1:6060 --map 'x; rm -rf ~ #'",)


def test_healthy_says_what_it_saw() -> None:
    def service(alive: int, made: int) -> Heap:
        return Heap().holds("main.render", 5000, alive, made=made)

    busy = diagnose(watched(service(1000, 10**5), service(9000, 10**6), service(9000, 2 * 10**6)))
    assert busy.verdict is Verdict.UNDETERMINED, "the live heap grew ninefold"
    shrunk = diagnose(watched(service(90_000, 10**5), service(1000, 10**6)))
    assert "it shrank" in code_words(shrunk)


weights = st.floats(-1, 1, allow_nan=False)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(weights, max_size=12), weights)
def test_confidence_is_bounded_and_monotone(reasons: list[float], one_more: float) -> None:
    before = combine(Reason("", w) for w in reasons)
    after = combine(Reason("", w) for w in [*reasons, one_more])
    assert 0.0 <= before <= 0.99
    assert after >= before if one_more >= 0 else after <= before
    assert combine(Reason("", w) for w in reversed(reasons)) == pytest.approx(before, abs=0.0011)


def test_no_reason_is_no_confidence_and_all_the_reasons_are_not_certainty() -> None:
    assert combine([]) == 0.0
    assert combine([Reason("", 1.0)] * 9) == 0.99


def test_a_profile_without_map_frames_names_the_functions_that_allocated_most() -> None:
    # A binary profile: what grows the map is hidden, what made the values is not.
    heap = Heap().holds(f"main.newSession < {LOGIN}", 1000, 90_000).holds(f"main.small < {LOGIN}", 1000, 100)
    profile = dataclasses.replace(heap.profile(), frames_restored=False)
    seen = dataclasses.replace(capture(0, heap, gc=None), heap=profile)
    diagnosis = diagnose(observation(seen))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert [s.site.function for s in diagnosis.suspects if s.site] == ["main.newSession"]
    assert diagnosis.suspects[0].bytes == pytest.approx(90e6, rel=0.01)
