"""What keys have in common, and how old values are: made-up keys whose groups are plain to see."""

from __future__ import annotations

import pytest

from mapmedic.goheap import key_groups
from mapmedic.goheap.ages import find_ages
from mapmedic.goheap.descriptors import Kind
from mapmedic.memory.reader import Address
from mapmedic.model.entries import Grouping
from mapmedic.model.go_values import GoValue, Plain, Struct, Text
from tests.support.go_memory import GoMemory

HOUR = 3600
NOW_NS = 1_790_000_000 * 10**9


def group_keys(keys: list[GoValue], weights: list[int] | None = None) -> tuple[Grouping, ...]:
    return key_groups.group_keys(keys, weights or [1] * len(keys))


def texts(*words: str) -> list[GoValue]:
    return [Text("string", word, len(word), is_whole=True) for word in words]


def test_the_prefix_that_tells_tenants_apart_is_found() -> None:
    keys = texts(*(f"session:tenant-{n % 3}:{n:05d}" for n in range(300)))
    first, *_ = group_keys(keys)
    assert first.by == "prefix up to the 2nd ':'"
    assert {(group.name, group.entries) for group in first.groups} == {
        (f"session:tenant-{n}:", 100) for n in range(3)
    }


def test_one_prefix_for_all_is_said_too_and_none_is_made_up() -> None:
    (only,) = group_keys(texts(*(f"user:{n}" for n in range(300))))
    assert [(g.name, g.entries) for g in only.groups] == [("user:", 300)]
    assert group_keys(texts(*(f"{n:08x}" for n in range(300)))) == ()


def test_the_prefix_with_the_most_bytes_comes_first() -> None:
    keys = texts(*(f"{'many' if n % 10 else 'heavy'}:{n}" for n in range(300)))
    weights = [10 if n % 10 else 1_000 for n in range(300)]
    (only,) = group_keys(keys, weights)
    assert [(g.name, g.entries, g.bytes) for g in only.groups] == [
        ("heavy:", 30, 30_000),
        ("many:", 270, 2_700),
    ]


def test_numbers_fall_into_round_ranges() -> None:
    (only,) = group_keys([Plain("int", n) for n in range(-50, 750)])
    assert {(g.name, g.entries) for g in only.groups} >= {("0 to 99", 100), ("-100 to -1", 50)}
    assert group_keys([]) == group_keys([Plain("int", 7)]) == ()


def test_keys_of_several_fields_are_grouped_by_each() -> None:
    keys: list[GoValue] = [
        Struct("main.K", (("Tenant", texts("ab"[n % 2])[0]), ("Shard", Plain("int", n % 4))))
        for n in range(40)
    ]
    by = {grouping.by: {g.name: g.entries for g in grouping.groups} for grouping in group_keys(keys)}
    assert by == {".Tenant value": {"a": 20, "b": 20}, ".Shard value": dict.fromkeys("0123", 10)}


@pytest.mark.parametrize(("unit", "per_second"), [("unix s", 1), ("unix ms", 10**3), ("unix ns", 10**9)])
def test_numbers_that_are_moments_are_told_from_those_that_are_not(unit: str, per_second: int) -> None:
    memory = GoMemory()
    number = memory.type("int64", Kind.INT64, 8)
    kind = memory.struct("main.V", 24, Hits=(0, number), seen=(8, number), TenantID=(16, number))
    ages = [0.5 * HOUR, 2 * HOUR, 3 * HOUR, 100 * HOUR]
    moments = [int((NOW_NS / 1e9 - age) * per_second) for age in ages]
    elems = [Address(memory.words(7, moment, moment)) for moment in [*moments, 0]]
    descriptors = memory.descriptors()
    descriptor = descriptors.at(kind)
    assert descriptor is not None
    (found,) = find_ages(descriptors, descriptor, elems, NOW_NS)
    assert (found.field, found.unit, found.known, found.unset) == (".seen", unit, 4, 1)
    assert (found.over_an_hour, found.in_future) == (3, 0)
    assert found.oldest_seconds == pytest.approx(100 * HOUR, abs=1)
    assert sum(band.entries for band in found.bands) == 4
