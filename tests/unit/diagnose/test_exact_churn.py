"""A map made anew again and again, by two looks into a process: by made-up inventories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.inventory import AllocationCounters, Garbage, Inventory, MapArrays
from mapmedic.model.observation import Capture, Observation
from mapmedic.model.units import KIB, MIB, UnixNanoseconds
from tests.support.inventories import START, a_map, inventory
from tests.unit.diagnose.builder import SWISS, Heap, capture

TYPE = "map[string]*main.V"
SECONDS = 30.0


def a_look(
    *,
    seed: int,
    entries: int = 1_000,
    arrays: float = 0.9,
    allocated: int = 0,
    collections: int = 0,
    at: float = 0.0,
) -> Inventory:
    """Return a look that finds 2 MiB of garbage, of which the part ``arrays`` once were a map's."""
    seen = inventory(a_map("main.totals", entries, seed=seed), at_seconds=at)
    dropped = (MapArrays(TYPE, 9, int(arrays * 2 * MIB)),) if arrays else ()
    return replace(
        seen,
        counters=AllocationCounters(collections, allocated, max(0, allocated - 4 * MIB)),
        garbage=Garbage(2 * MIB, dropped),
    )


def looked(first: Inventory, last: Inventory) -> Diagnosis:
    captures = tuple(
        Capture(
            UnixNanoseconds(each.snapshot.taken_at_unix_ns or START), None, None, None, None, inventory=each
        )
        for each in (first, last)
    )
    return diagnose(Observation("pid:7", captures, (), (), "go1.27.3"))


def test_arrays_that_fill_the_garbage_of_a_busy_process_are_churn_with_owner_and_rate() -> None:
    found = looked(a_look(seed=1), a_look(seed=2, allocated=600 * MIB, collections=90, at=SECONDS))
    churn = found.suspects[0]
    assert (found.verdict, churn.owner, churn.type) == (Verdict.MAP_CHURN, "main.totals", TYPE)
    measured = {each.claim: each.measured for each in churn.evidence}
    assert measured["allocated by the process"] == pytest.approx(600 * MIB / SECONDS)
    assert measured["of the garbage, arrays of such maps"] == pytest.approx(0.9, rel=0.01)
    assert measured["collections between both looks"] == 90


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"seed": 1}, {"seed": 1}),  # the same map: a cache whose tables are cleaned of what was deleted
        ({"seed": 1, "arrays": 0.0}, {"seed": 2}),  # made anew once, a reload
        ({"seed": 1}, {"seed": 2, "arrays": 0.1}),  # requests make the garbage
        ({"seed": 1}, {"seed": 2, "allocated": 20 * MIB}),  # slowly
        ({"seed": 1}, {"seed": 2, "collections": 1}),  # the garbage of both looks may be of one making
    ],
)
def test_what_looks_like_it_is_healthy(first: dict[str, int], last: dict[str, int]) -> None:
    busy = {"allocated": 600 * MIB, "collections": 90, "at": SECONDS}
    found = looked(a_look(**first), a_look(**{**busy, **last}))
    assert (found.verdict, found.suspects) == (Verdict.HEALTHY, ())


def test_of_a_classic_map_whose_garbage_tells_less_it_is_left_open() -> None:
    first, last = a_look(seed=1, arrays=0.0), a_look(seed=2, allocated=600 * MIB, collections=90, at=SECONDS)
    classic = [replace(each, maps=(replace(each.maps[0], design="classic"),)) for each in (first, last)]
    found = looked(classic[0], classic[1])
    assert (found.verdict, "map_churn at main.totals" in found.reasons[0]) == (Verdict.UNDETERMINED, True)


def test_a_map_that_leaves_its_old_arrays_behind_and_keeps_what_it_gets_leaks() -> None:
    last = a_look(seed=1, entries=90_000, allocated=100 * MIB, collections=9, at=SECONDS)
    assert looked(a_look(seed=1), last).verdict is Verdict.MAP_LEAK


def test_a_map_that_is_fuller_than_the_one_that_it_replaced_is_no_leak() -> None:
    first, last = a_look(seed=1, arrays=0.0), a_look(seed=2, entries=9_000, arrays=0.0, at=SECONDS)
    found = looked(first, last)
    assert (found.verdict, "made anew in between" in found.reasons[0]) == (Verdict.UNDETERMINED, True)


def test_a_large_map_that_was_made_anew_once_is_told_and_nothing_is_wrong() -> None:
    found = looked(a_look(seed=1, entries=9_000, arrays=0.0), a_look(seed=2, entries=9_000, at=SECONDS))
    assert found.verdict is Verdict.HEALTHY
    assert "main.totals was made anew between both looks" in found.reasons


def test_without_a_name_a_map_made_anew_is_the_same_by_a_label_of_its_own() -> None:
    def nameless(seed: int, address: int, at: float) -> Inventory:
        bare = {"path": None, "declared": None, "label": "global 0xc0 (main.add)"}
        return inventory(a_map("global 0xc0", 9_000, address=address, seed=seed, **bare), at_seconds=at)

    found = looked(nameless(1, 0xC000, 0.0), nameless(2, 0xD000, SECONDS))
    assert found.verdict is Verdict.HEALTHY
    two = looked(nameless(1, 0xC000, 0.0), replace(nameless(2, 0xD000, SECONDS), target=replace(
        nameless(2, 0, 0).target, pid=8)))  # fmt: skip
    assert two.verdict is Verdict.UNDETERMINED


def with_profiles(first: Inventory, last: Inventory, *sites: str) -> Diagnosis:
    """Return the diagnosis of both looks with a heap profile each: arrays are made and dropped at ``sites``."""
    captures = []
    for number, look in ((1, first), (2, last)):
        heap = Heap().holds("main.start:3", 4 * KIB, 500)
        for site in sites:
            heap.holds(f"{SWISS} < {site} < main.main", 64 * KIB, 16, made=16 + 9_000 * (number - 1))
        visit = capture((number - 1) * SECONDS, heap, gc=number, allocated=(number - 1) * 600 * MIB)
        captures.append(replace(visit, inventory=look))
    return diagnose(Observation("pid:7", tuple(captures), (), (), "go1.27.3"))


def test_the_place_in_the_profile_and_the_owner_by_count_are_one_suspect() -> None:
    looks = a_look(seed=1), a_look(seed=2, allocated=600 * MIB, collections=90, at=SECONDS)
    found = with_profiles(*looks, "main.count:4")
    churn = [each for each in found.suspects if each.code is Verdict.MAP_CHURN]
    assert (found.verdict, len(churn), churn[0].owner) == (Verdict.MAP_CHURN, 1, "main.totals")
    assert churn[0].site is not None and churn[0].site.function == "main.count"
    assert found.confidence > looked(*looks).confidence
    # Of two places nothing says which one is the owner's.
    two = with_profiles(*looks, "main.count:4", "main.other:9").suspects
    assert [each.site is None for each in two if each.code is Verdict.MAP_CHURN].count(True) == 1


def test_how_far_it_was_filled_at_each_look_is_no_growth_beside_it() -> None:
    busy = {"allocated": 600 * MIB, "collections": 90, "at": SECONDS}
    found = looked(a_look(seed=1, entries=100), a_look(seed=2, entries=9_000, **busy))
    assert (found.verdict, found.next_steps) == (Verdict.MAP_CHURN, ())
    assert not [each for each in found.reasons if "beside it" in each]
