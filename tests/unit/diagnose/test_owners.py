"""The agent's name is joined where it can only be that map: a wrong name empties the wrong map."""

from __future__ import annotations

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, SourceHint, Verdict
from mapmedic.model.observation import RegisteredMap
from mapmedic.model.units import KIB
from tests.unit.diagnose.builder import HTTP, SWISS, Heap, ToldSource, capture, observation, registered

LOGIN = f"main.login < {HTTP}"


def sessions(entries: int) -> Heap:
    heap = Heap().holds(f"{SWISS} < main.put:9 < {LOGIN}", 40 * KIB, max(1, entries // 800))
    return heap.holds(f"main.newSession:3 < {LOGIN}", 1800, entries)


def leak(
    *maps: tuple[str, float], kind: str = "map", per_step: int = 30_000, hint: str | None = None
) -> Diagnosis:
    """A map that gains ``per_step`` entries; each registered map has a multiple of its entries."""

    def listed(n: int) -> list[RegisteredMap]:
        return [registered(name, int(times * per_step * n), kind) for name, times in maps]

    captures = [capture(10 * n, sessions(n * per_step), gc=n, maps=listed(n)) for n in (1, 2, 3, 4)]

    source = ToldSource(SourceHint(hint, "m.sessions[id] = s", "map[string]*S") if hint else None)
    return diagnose(observation(*captures), source=source)


def test_the_one_that_fits_gives_its_name_and_its_count() -> None:
    diagnosis = leak(("sessions", 1.0), ("other", 0.0001))
    suspect = diagnosis.suspects[0]
    assert (suspect.label, suspect.owner, suspect.entries) == ("sessions", "sessions", 120_000)
    assert suspect.type == "map[string]*main.T"
    assert "gain 90,000 entries" in "; ".join(diagnosis.reasons)
    assert suspect.confidence > leak().suspects[0].confidence


@pytest.mark.parametrize(
    ("maps", "kind"),
    [
        ([], "map"),
        ([("far larger", 10.0)], "map"),
        ([("far smaller", 0.1)], "map"),
        ([("a", 1.0), ("b", 1.01)], "map"),
        ([("sessions", 1.0)], "sync.Map"),
        ([("empty", 0.0)], "map"),
    ],
)
def test_no_name_is_better_than_a_wrong_one(maps: list[tuple[str, float]], kind: str) -> None:
    suspect = leak(*maps, kind=kind).suspects[0]
    assert (suspect.label, suspect.owner, suspect.entries) == (None, None, None)
    assert suspect.code is Verdict.MAP_LEAK


def test_a_handful_of_samples_matches_anything_and_so_nothing() -> None:
    heaps = [
        Heap()
        .holds(f"{SWISS} < main.put:9 < {LOGIN}", 40 * KIB, n * 100)
        .sampled(f"main.newSession < {LOGIN}", 64, n, n)
        for n in (1, 5, 9)
    ]
    captures = [
        capture(10 * i, heap, gc=i + 1, maps=[registered("tiny", 40_000)]) for i, heap in enumerate(heaps)
    ]
    assert diagnose(observation(*captures)).suspects[0].label is None


def test_the_source_names_and_an_equal_registration_is_joined_whatever_else_fits() -> None:
    suspect = leak(("main.S.m", 1.0), ("twin", 1.0), hint="main.S.m").suspects[0]
    assert (suspect.declared, suspect.owner, suspect.label) == ("main.S.m", "main.S.m", "main.S.m")
    assert suspect.type == "map[string]*S"
    assert any(evidence.measured == "m.sessions[id] = s" for evidence in suspect.evidence)


def test_the_source_names_without_an_agent() -> None:
    suspect = leak(hint="main.S.m").suspects[0]
    assert (suspect.declared, suspect.owner, suspect.label) == ("main.S.m", "main.S.m", None)


def test_a_map_that_the_agent_saw_gain_nothing_is_less_likely_a_leak() -> None:
    captures = [
        capture(10 * n, sessions(n * 30_000), gc=n, maps=[registered("m", 120_000)]) for n in (1, 2, 3, 4)
    ]
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.suspects[0].label == "m"
    assert diagnosis.suspects[0].confidence < leak().suspects[0].confidence


def test_a_steady_map_that_gains_entries_is_doubted() -> None:
    heap = sessions(100_000)
    captures = [capture(10 * n, heap, gc=n, maps=[registered("m", 80_000 + n * 10_000)]) for n in (1, 2, 3)]
    suspect = diagnose(observation(*captures)).suspects[0]
    assert suspect.code is Verdict.LARGE_STEADY_MAP
    assert "gain 20,000 entries" in suspect.reasons[-1].text
