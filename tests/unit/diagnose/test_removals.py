"""What the source says of deletes makes a leak surer or less sure, and the advice fits it."""

from __future__ import annotations

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Blank, Removal, SourceHint, Suspect, Verdict
from mapmedic.model.units import KIB
from tests.unit.diagnose.builder import HASHTRIE, HTTP, SWISS, Heap, ToldSource, watched

SWEEP = Removal("delete", "sweep.go", 40, "delete(m.sessions, id)")


def suspect_of(
    *removals: Removal,
    name: str = "sessions",
    looked: bool = True,
    unread: bool = False,
    design: str = SWISS,
    step: int = 30_000,
) -> Suspect:
    heaps = [
        Heap()
        .holds(f"{design} < main.put:9 < main.login < {HTTP}", 40 * KIB, n * step // 800)
        .holds(f"main.newSession < main.login < {HTTP}", 1000, n * step)
        for n in ((1, 2, 3, 4) if step < 10**5 else (2, 2, 2))
    ]

    blanks = (Blank("bad.go", "no Go"),) if unread else ()
    found = removals if looked else None
    hint = SourceHint(f"main.S.{name}", "m.sessions[id] = s", "map[string]*S", found, 3, blanks)
    return diagnose(watched(*heaps), source=ToldSource(hint)).suspects[0]


def test_no_delete_anywhere_makes_a_leak_surer_and_a_sweep_less_sure() -> None:
    never, swept, unknown = suspect_of(), suspect_of(SWEEP), suspect_of(looked=False)
    assert {each.code for each in (never, swept, unknown)} == {Verdict.MAP_LEAK}
    assert swept.confidence < unknown.confidence < never.confidence
    assert unknown.confidence < suspect_of(unread=True).confidence < never.confidence
    assert "no delete, clear or re-make of main.S.sessions in 3 files" in never.reasons[-1].text
    assert "1 not read" in suspect_of(unread=True).reasons[-1].text


def test_another_package_may_empty_what_is_exported() -> None:
    exported = suspect_of(name="Sessions")
    assert "another package may" in exported.reasons[-1].text
    assert suspect_of(looked=False).confidence < exported.confidence < suspect_of().confidence


def test_each_place_is_evidence_with_file_and_line() -> None:
    evidence = suspect_of(SWEEP, Removal("clear", "b.go", 7, "clear(m.sessions)")).evidence
    assert [e.measured for e in evidence if e.unit == "places"] == [2]
    assert [e.measured for e in evidence if e.claim == "delete at sweep.go:40"] == ["delete(m.sessions, id)"]
    assert [e.measured for e in evidence if e.claim == "clear at b.go:7"] == ["clear(m.sessions)"]


@pytest.mark.parametrize(
    ("design", "removals", "said"),
    [
        (SWISS, (), "Nothing ever leaves main.S.sessions. Call delete(sessions, key)"),
        (HASHTRIE, (), "Call sessions.Delete(key)"),
        (SWISS, (SWEEP,), "a delete at sweep.go:40 takes out of main.S.sessions, yet it grows"),
    ],
)
def test_the_advice_fits(design: str, removals: tuple[Removal, ...], said: str) -> None:
    fix = suspect_of(*removals, design=design).fix
    assert fix is not None and said in fix.patch_hint and fix.strategy == "swap"


def test_a_map_that_does_not_grow_gets_the_evidence_and_no_new_confidence() -> None:
    steady, unknown = suspect_of(step=10**5), suspect_of(step=10**5, looked=False)
    assert steady.code is Verdict.LARGE_STEADY_MAP
    assert steady.confidence == unknown.confidence
    assert any(e.unit == "places" for e in steady.evidence)
