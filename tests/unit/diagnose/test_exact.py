"""What two counts of a process's maps say, and what they do not: by made-up inventories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory import Account, HolderKind, Inventory
from mapmedic.model.observation import Capture, MemoryPoint, Observation
from mapmedic.model.units import MIB, NANOSECONDS_PER_SECOND, UnixNanoseconds
from tests.support.inventories import START, a_holder, a_map, inventory


def looked(*seen: Inventory, rss: tuple[int, ...] = ()) -> Diagnosis:
    captures = tuple(
        Capture(
            UnixNanoseconds(each.snapshot.taken_at_unix_ns or START), None, None, None, None, inventory=each
        )
        for each in seen
    )
    points = tuple(
        MemoryPoint(UnixNanoseconds(START + i * NANOSECONDS_PER_SECOND), each, None)
        for i, each in enumerate(rss)
    )
    return diagnose(Observation("pid:7", captures, points, (), "go1.27.3"))


def test_a_map_that_gained_a_third_is_a_leak_with_its_owner_and_its_rate() -> None:
    found = looked(
        inventory(a_map("main.mgr.s", 30_000)), inventory(a_map("main.mgr.s", 40_000), at_seconds=30)
    )
    leak = found.suspects[0]
    assert (found.verdict, leak.owner, leak.declared, leak.entries) == (
        Verdict.MAP_LEAK, "main.mgr.s", "main.T.s", 40_000,
    )  # fmt: skip
    assert leak.growth_bytes_per_second == pytest.approx(10_000 * 1_000 / 30, rel=0.1)
    assert "gained 10,000 entries in 30 s" in found.reasons[0]


def test_a_busy_cache_that_moved_by_a_twentieth_is_no_verdict() -> None:
    found = looked(inventory(a_map("main.c", 100_000)), inventory(a_map("main.c", 105_000), at_seconds=30))
    assert found.verdict is Verdict.UNDETERMINED
    assert "a busy cache moves so" in found.reasons[0]
    assert found.next_steps[0] == "mapmedic diagnose pid:7 --for 90s"


def test_what_does_not_grow_is_healthy_or_large_and_steady() -> None:
    small = looked(inventory(a_map("main.c", 4_000)), inventory(a_map("main.c", 4_000), at_seconds=30))
    assert small.verdict is Verdict.HEALTHY
    large = looked(inventory(a_map("main.c", 100_000)), inventory(a_map("main.c", 100_000), at_seconds=30))
    assert (large.verdict, large.suspects[0].owner) == (Verdict.LARGE_STEADY_MAP, "main.c")


def test_a_map_that_was_emptied_is_named_after_one_look() -> None:
    emptied = a_map("main.c", 10, slots=2_000_000)
    found = looked(inventory(emptied))
    assert (found.verdict, found.suspects[0].bytes) == (Verdict.MAP_NEVER_SHRINKS, emptied.shallow_bytes)
    filling = looked(inventory(emptied), inventory(a_map("main.c", 90_000, slots=2_000_000), at_seconds=30))
    assert all(each.code is not Verdict.MAP_NEVER_SHRINKS for each in filling.suspects)


def test_one_look_says_what_is_held_not_whether_it_grows() -> None:
    found = looked(inventory(a_map("main.c", 100_000)))
    assert (found.verdict, found.suspects[0].owner) == (Verdict.UNDETERMINED, "main.c")
    assert "a single look" in found.reasons[0]


def test_shards_are_one_suspect_and_one_shard_that_grows_alone_is_itself() -> None:
    def shards(*entries: int, at: float = 0.0) -> Inventory:
        maps = (
            a_map(f"main.r[{i}].m", n, address=0xC000 + 48 * i, declared="main.shard.m")
            for i, n in enumerate(entries)
        )
        return inventory(*maps, at_seconds=at)

    together = looked(shards(9_000, 9_000), shards(12_000, 12_000, at=30)).suspects[0]
    assert (together.owner, together.entries) == ("main.shard.m", 24_000)
    alone = looked(shards(9_000, 9_000), shards(15_000, 9_000, at=30)).suspects[0]
    assert (alone.owner, alone.entries) == ("main.r[0].m", 15_000)


def test_a_map_found_by_another_way_the_second_time_is_no_new_one() -> None:
    through_a_stack = a_map("goroutine 7", 30_000, path=None, declared=None)
    for pair in ((through_a_stack, a_map("main.c", 30_000)), (a_map("main.c", 30_000), through_a_stack)):
        found = looked(inventory(pair[0]), inventory(pair[1], at_seconds=30))
        assert found.verdict is not Verdict.MAP_LEAK
        assert all(each.owner == "main.c" for each in found.suspects)


def test_of_a_map_whose_values_grow_the_owner_is_named_and_no_leak_of_entries_claimed() -> None:
    heavy = a_map("main.c", 1_000, retained_bytes=60 * MIB)
    found = looked(inventory(a_map("main.c", 1_000)), inventory(heavy, at_seconds=30))
    assert (found.verdict, found.suspects[0].owner) == (Verdict.UNDETERMINED, "main.c")
    assert "its values grow" in found.reasons[0]


def test_growth_outside_of_every_map_is_never_healthy() -> None:
    found = looked(
        inventory(a_map("main.c", 1_000)),
        inventory(a_map("main.c", 1_000), at_seconds=30, rest_bytes=50 * MIB),
    )
    assert (found.verdict, "in no map" in found.reasons[0]) == (Verdict.UNDETERMINED, True)
    same = (inventory(a_map("main.c", 1_000)), inventory(a_map("main.c", 1_000), at_seconds=30))
    assert looked(*same, rss=(100 * MIB, 140 * MIB)).verdict is Verdict.UNDETERMINED
    assert looked(*same, rss=(40 * MIB, 41 * MIB)).verdict is Verdict.HEALTHY
    assert looked(*same, rss=(400 * MIB, 400 * MIB)).verdict is Verdict.UNDETERMINED


def test_a_slice_that_gained_elements_is_slice_growth_with_its_owner_and_its_rate() -> None:
    found = looked(
        inventory(a_map("main.c", 1_000), holders=(a_holder("main.log", 30_000),)),
        inventory(
            a_map("main.c", 1_000), holders=(a_holder("main.log", 40_000, address=0xE000),), at_seconds=30
        ),
    )
    growth = found.suspects[0]
    assert (found.verdict, growth.owner, growth.kind, growth.type, growth.entries) == (
        Verdict.SLICE_GROWTH, "main.log", ContainerKind.SLICE, "[]*main.V", 40_000,
    )  # fmt: skip
    assert growth.growth_bytes_per_second == pytest.approx(10_000 * 1_008 / 30)
    assert all(each.owner != "main.c" for each in found.suspects)


def test_a_slice_without_a_name_that_moved_is_the_same_by_its_label() -> None:
    nameless = {"path": None, "declared": None, "label": "global 0xba58d0 (main.add)"}
    first = a_holder("global 0xba58d0", 30_000, **nameless)
    last = a_holder("global 0xba58d0", 40_000, address=0xE000, **nameless)
    found = looked(inventory(holders=(first,)), inventory(holders=(last,), at_seconds=30))
    assert found.verdict is Verdict.SLICE_GROWTH


def test_a_slice_that_is_steady_or_was_listed_once_only_is_no_growth() -> None:
    log = a_holder("main.log", 30_000)
    steady = looked(inventory(holders=(log,)), inventory(holders=(log,), at_seconds=30))
    assert steady.verdict is Verdict.HEALTHY
    listed = looked(inventory(rest_bytes=30 * MIB), inventory(holders=(log,), rest_bytes=MIB, at_seconds=30))
    assert listed.verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("kind", "said"), [("channel", "the channel main.q of 40,000"), ("object", "main.q")]
)
def test_growth_below_a_channel_or_an_object_is_told_as_that(kind: str, said: str) -> None:
    first, last = (a_holder("main.q", count, kind=HolderKind(kind)) for count in (30_000, 40_000))
    found = looked(inventory(holders=(first,)), inventory(holders=(last,), at_seconds=30))
    assert (found.verdict, found.suspects[0].owner) == (Verdict.UNDETERMINED, "main.q")
    assert said in found.reasons[0] and "its values grow" not in found.reasons[0]
    assert found.suspects[0].kind is (ContainerKind.CHANNEL if kind == "channel" else None)


def test_goroutines_that_pile_up_are_counted_from_outside() -> None:
    found = looked(inventory(waiting=1_000), inventory(waiting=3_000, at_seconds=30))
    leak = found.suspects[0]
    assert (found.verdict, leak.entries, leak.bytes) == (Verdict.GOROUTINE_LEAK, 3_000, 3_000 * 2048)
    assert leak.site is not None and leak.site.function == "main.(*hub).wait"
    assert any("main.(*hub).add" in str(each.measured) for each in leak.evidence)
    assert (
        looked(inventory(waiting=1_000), inventory(waiting=1_010, at_seconds=30)).verdict is Verdict.HEALTHY
    )


def account(rss_mib: int, **mib: int) -> Account:
    parts = dict.fromkeys(
        ("live", "dead", "room", "free", "stack", "runtime", "program", "file", "off_heap"), 0
    ) | {"live": 10}
    given = {f"{name}_bytes": size * MIB for name, size in (parts | mib).items()}
    return Account(rss_bytes=rss_mib * MIB, **given)


def with_accounts(before: Account, after: Account) -> Diagnosis:
    maps = a_map("main.c", 1_000)
    looks = (inventory(maps), inventory(maps, at_seconds=30))
    first, last = (replace(seen, account=each) for seen, each in zip(looks, (before, after), strict=True))
    return looked(first, last, rss=(before.rss_bytes, after.rss_bytes))


def test_what_is_in_ram_and_no_live_object_has_its_own_verdict() -> None:
    off = with_accounts(account(300, off_heap=200), account(320, off_heap=220))
    assert (off.verdict, off.suspects[0].growth_bytes_per_second) == (
        Verdict.OFF_HEAP,
        pytest.approx(20 * MIB / 30),
    )
    idle = with_accounts(account(300, free=250), account(300, free=250))
    assert (idle.verdict, idle.suspects[0].bytes) == (Verdict.IDLE_NOT_RETURNED, 250 * MIB)
    late = with_accounts(account(300, dead=20, free=250), account(300, dead=200, free=70))
    assert late.verdict is Verdict.GC_LAG


def test_free_heap_that_is_allocated_from_is_not_called_idle() -> None:
    busy = with_accounts(account(300, free=250), account(300, dead=25, free=225))
    assert busy.verdict is Verdict.UNDETERMINED
    usual = with_accounts(account(40, dead=10), account(40, dead=18))
    assert usual.verdict is Verdict.HEALTHY


def test_another_process_with_the_same_number_is_not_compared() -> None:
    found = looked(
        inventory(a_map("main.c", 1_000)),
        inventory(a_map("main.c", 90_000), at_seconds=30, started_at_seconds=1_700_000_010.0),
    )
    assert (found.verdict, "a single look" in found.reasons[0]) == (Verdict.UNDETERMINED, True)
