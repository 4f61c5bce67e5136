"""How many entries a map has room for, from the sizes of its arrays; sizes as Go 1.23 and 1.27 allocated them."""

from __future__ import annotations

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Evidence, SourceHint
from mapmedic.model.units import MIB
from tests.unit.diagnose.builder import (
    CLASSIC,
    HASHTRIE,
    SWISS,
    Heap,
    ToldSource,
    capture,
    observation,
    registered,
)

SPLIT = "internal/runtime/maps.newarray < internal/runtime/maps.(*table).split < runtime.mapassign_faststr"
# Measured in the lab: map[string]*T with 2^15 buckets and their stock; a table of 1,024 slots.
CLASSIC_ARRAY, TABLE = 7_241_728, 27_264


def room(heap: Heap, type_: str | None = None, entries: int | None = None) -> list[Evidence]:
    source = ToldSource(SourceHint("main.S.m", "s.m[k] = v", type_)) if type_ else None
    maps = [registered("main.S.m", entries)] if entries else None
    diagnosis = diagnose(observation(capture(0, heap, maps=maps)), source=source)
    return [e for e in diagnosis.suspects[0].evidence if "room" in e.claim]


def one_array(size: int, design: str = CLASSIC) -> Heap:
    return Heap().sampled(f"{design} < main.put:9", size, 1, 1)


@pytest.mark.parametrize(
    ("type_", "slots"),
    [
        ("map[string]*T", 278_528),
        ("map[string]map[int]int", 278_528),
        ("map[int64]struct{}", 8 * (CLASSIC_ARRAY // (16 + 8 * 8))),
        ("map[string][]byte", 8 * (CLASSIC_ARRAY // (16 + 8 * 40))),
        ("map[[16]byte]bool", 8 * (CLASSIC_ARRAY // (16 + 8 * 17))),
        ("map[string][4096]byte", 278_528),  # kept outside, a pointer inside
    ],
)
def test_one_classic_array_tells_to_the_slot(type_: str, slots: int) -> None:
    told = room(one_array(CLASSIC_ARRAY), type_)
    assert (told[0].measured, told[0].unit) == (slots, "entries")


@pytest.mark.parametrize(
    "type_", [None, "map[string]Session", "map[K]V", "map[", "map[string", "Header", "map[]"]
)
def test_without_the_types_it_is_not_known(type_: str | None) -> None:
    assert "not known without the types" in str(room(one_array(CLASSIC_ARRAY), type_)[0].measured)


@pytest.mark.parametrize("type_", [None, "map[string]*T", "map[string]Session"])
def test_tables_that_were_split_tell_without_the_types(type_: str | None) -> None:
    heap = Heap().sampled(f"{SPLIT} < main.put:9", TABLE, 100, 300)
    (told,) = room(heap, type_)
    chance = 1 - 2.718281828 ** (-TABLE / (512 * 1024))
    assert told.measured == pytest.approx(100 / chance * 1024, rel=0.01)
    assert "give or take 10%" in told.claim


@pytest.mark.parametrize(
    ("type_", "group"), [("map[[16]byte]bool", 8 + 8 * 17), ("map[int64]bool", 8 + 8 * 16)]
)
def test_a_slot_of_a_table_is_aligned_as_its_key_and_value_are(type_: str, group: int) -> None:
    # All are seen (a sampling rate of 1), so that 1,024 slots are 1,024.
    heap = Heap(at_rate=1).sampled(f"{SWISS} < main.put:9", 128 * group, 1, 1)
    assert [told.measured for told in room(heap, type_)] == [1024]


def test_a_handful_of_tables_says_so() -> None:
    (told,) = room(Heap().sampled(f"{SPLIT} < main.put:9", TABLE, 2, 4))
    assert "too few" in str(told.measured)


def test_the_agents_count_against_the_room() -> None:
    heap = one_array(CLASSIC_ARRAY).holds("main.new < main.put:9", 900, 100_000)
    told = room(heap, "map[string]*T", 100_000)
    assert told[1].measured == pytest.approx(100_000 / 278_528, rel=0.01)


def test_other_kinds_and_overflow_buckets_have_none() -> None:
    assert room(Heap().sampled(f"{HASHTRIE} < main.put:9", 48, 9000, 9000)) == []
    assert (
        room(Heap().sampled("runtime.(*hmap).newoverflow < runtime.mapassign < main.put:9", 8 * MIB, 1, 1))
        == []
    )
    assert (
        room(Heap().sampled(f"{SWISS} < main.put:9", TABLE, 0, 9).holds("main.a < main.put:9", 900, 9000))
        == []
    )
