"""What grows is credited to the map that the source or the agent names, and to nobody where none does."""

from __future__ import annotations

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, Removal, Site, SourceFlow, SourceHint, Verdict
from mapmedic.model.units import KIB, MIB
from tests.unit.diagnose.builder import SWISS, Heap, ToldSource, capture, observation, registered, watched

HINT = SourceHint("main.S.files", "s.files[name] = file", "map[string]*File", (), 3)
FLOW = SourceFlow(Site("main.(*S).keep", "x.go", 55), HINT, (), ("main.write:4", "main.(*S).keep:55"))


def files(count: int, made: int | None = None) -> Heap:
    """Huge values made at main.write that a map keeps which is too small to be sampled."""
    return Heap().holds("main.write:4 < main.export:9 < main.serve", MIB, count, made=made)


def seen(entries: int) -> Heap:
    """Small values that arrive by channel in a map of another goroutine; its arrays grow too little to be sure."""
    heap = Heap().holds("main.newFile:4 < main.deliver:9 < main.serve", 1 * KIB, entries)
    return heap.sampled(f"{SWISS} < main.receive:57", 27 * KIB, 4, 6)


def counted(heaps: list[Heap], **entries: list[int]) -> Diagnosis:
    captures = [
        capture(
            10 * i, heap, gc=i + 1, maps=[registered(name, counts[i]) for name, counts in entries.items()]
        )
        for i, heap in enumerate(heaps)
    ]
    return diagnose(observation(*captures))


def test_alone_it_is_undetermined_and_says_where_and_how_to_go_on() -> None:
    diagnosis = diagnose(watched(files(100), files(150), files(200)))
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert "made at main.write:4, and nothing tells what keeps it" in diagnosis.reasons[0]
    assert "--source DIR" in diagnosis.next_steps[0]
    assert [(s.code, s.site.function) for s in diagnosis.suspects if s.site] == [
        ("undetermined", "main.write")
    ]
    held = next(e.measured for e in diagnosis.suspects[0].evidence if e.claim == "of that, still held")
    assert held == pytest.approx(100 * MIB, rel=0.01)


def test_the_source_follows_it_into_a_map_that_is_too_small_to_be_seen() -> None:
    diagnosis = diagnose(watched(files(100), files(150), files(200)), source=ToldSource(HINT, FLOW))
    assert diagnosis.verdict is Verdict.MAP_LEAK
    suspect = diagnosis.suspects[0]
    assert suspect.site == FLOW.site
    assert (suspect.declared, suspect.kind) == ("main.S.files", "map")
    assert "main.write:4 -> main.(*S).keep:55" in [e.measured for e in suspect.evidence]
    assert "too little to be sampled" in [e.measured for e in suspect.evidence]
    assert [s.code for s in diagnosis.suspects] == [Verdict.MAP_LEAK]


def test_where_something_takes_out_of_that_map_it_is_less_sure() -> None:
    swept = SourceHint(
        "main.S.files", "s.files[name] = file", "map[string]*File", (Removal("delete", "a.go", 1, ""),)
    )
    less = diagnose(watched(files(100), files(150), files(200)), source=ToldSource(swept, FLOW))
    more = diagnose(watched(files(100), files(150), files(200)), source=ToldSource(HINT, FLOW))
    assert less.suspects[0].confidence < more.suspects[0].confidence


def test_its_healthy_twin_keeps_none_of_it() -> None:
    churn = [files(100, made=100 * n) for n in (1, 2, 3)]
    assert diagnose(watched(*churn), source=ToldSource(HINT, FLOW)).verdict is Verdict.HEALTHY


def test_a_map_in_the_profile_takes_what_becomes_part_of_its_values() -> None:
    heaps = [seen(n * 30_000) for n in (1, 2, 3)]
    assert diagnose(watched(*heaps)).verdict is Verdict.UNDETERMINED
    by_type = ToldSource(HINT, SourceFlow(None, None, ("File", "message"), ("main.newFile:4",)))
    diagnosis = diagnose(watched(*heaps), source=by_type)
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert diagnosis.suspects[0].site is not None and diagnosis.suspects[0].site.function == "main.receive"
    other = ToldSource(HINT, SourceFlow(None, None, ("Other",), ("main.newFile:4",)))
    assert diagnose(watched(*heaps), source=other).verdict is Verdict.UNDETERMINED


def test_a_map_that_the_same_function_fills_at_another_line_is_another() -> None:
    def both(line: int) -> Diagnosis:
        heaps = [
            files(n).sampled(f"{SWISS} < main.(*S).keep:{line}", 27 * KIB, 4, 6) for n in (100, 150, 200)
        ]
        return diagnose(watched(*heaps), source=ToldSource(HINT, FLOW))

    def unseen(diagnosis: Diagnosis) -> bool:
        return "too little to be sampled" in [e.measured for e in diagnosis.suspects[0].evidence]

    assert (unseen(both(55)), unseen(both(60))) == (False, True)


def test_two_maps_of_the_same_values_are_none() -> None:
    heaps = [seen(n * 30_000).sampled(f"{SWISS} < main.index:8", 27 * KIB, 4, 6) for n in (1, 2, 3)]
    by_type = ToldSource(HINT, SourceFlow(None, None, ("File",), ("main.newFile:4",)))
    assert diagnose(watched(*heaps), source=by_type).verdict is Verdict.UNDETERMINED


def test_the_agent_saw_one_map_gain_as_many_entries_as_the_place_gained_objects() -> None:
    diagnosis = counted([files(100), files(150), files(200)], files=[101, 151, 201], other=[9, 9, 9])
    assert diagnosis.verdict is Verdict.MAP_LEAK
    assert diagnosis.suspects[0].label == "files"
    assert diagnosis.next_steps == ("mapmedic hotfix http://127.0.0.1:6060 --map files",)


@pytest.mark.parametrize(
    "entries",
    [
        {"a": [100, 150, 200], "b": [0, 50, 100]},  # two that fit
        {"a": [100, 300, 500]},  # four times as many
        {"a": [100, 110, 125]},
        {"a": [200, 200, 200]},  # as many, but none gained
        {},
    ],
)
def test_counts_that_do_not_fit_name_nobody(entries: dict[str, list[int]]) -> None:
    diagnosis = counted([files(100), files(150), files(200)], **entries)
    assert diagnosis.verdict is Verdict.UNDETERMINED
    assert [suspect.label for suspect in diagnosis.suspects] == [None]


def test_an_agent_of_tomorrow_may_list_other_kinds() -> None:
    captures = [
        capture(10 * i, files(n), gc=i + 1, maps=[registered("files", n, "weak.Map")])
        for i, n in enumerate((100, 150, 200))
    ]
    assert diagnose(observation(*captures)).verdict is Verdict.UNDETERMINED


def test_a_handful_of_objects_matches_anything_and_so_nothing() -> None:
    heaps = [Heap().sampled("main.write:4 < main.serve", 400 * KIB, n, n) for n in (10, 14, 18)]
    assert counted(heaps, files=[20, 27, 34]).verdict is not Verdict.MAP_LEAK


def test_growth_beside_a_leak_is_named_too() -> None:
    heaps = [files(100 * n).holds(f"{SWISS} < main.put:9 < main.serve", 40 * KIB, 800 * n) for n in (1, 2, 3)]
    diagnosis = diagnose(watched(*heaps))
    assert [(s.code, s.site.function) for s in diagnosis.suspects if s.site] == [
        (Verdict.MAP_LEAK, "main.put"), (Verdict.UNDETERMINED, "main.write"),
    ]  # fmt: skip
