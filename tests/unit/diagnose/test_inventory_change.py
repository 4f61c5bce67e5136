"""Two inventories side by side: who is the same owner, what it gained, and what weakens the comparison."""

from __future__ import annotations

from dataclasses import replace

from mapmedic.diagnose.inventory_change import compare_inventories
from mapmedic.model.inventory_change import InventoryChange, OwnerChange
from tests.support.inventories import a_holder, a_map, inventory


def row(change: InventoryChange, owner: str) -> OwnerChange:
    (found,) = [each for each in change.rows if each.owner == owner]
    return found


def test_rows_are_by_owner_the_one_that_gained_most_first() -> None:
    before = inventory(a_map("main.a", 100), a_map("main.b", 5_000, address=0xD000))
    after = inventory(a_map("main.a", 9_000), a_map("main.c", 10, address=0xE000), at_seconds=20)
    change = compare_inventories(before, after)
    assert [each.owner for each in change.rows] == ["main.a", "main.c", "main.b"]
    assert (row(change, "main.a").entries, change.seconds, change.one_process) == (8_900, 20.0, True)
    assert (row(change, "main.c").before, row(change, "main.b").after) == (None, None)
    assert row(change, "main.b").entries == -5_000


def test_nameless_maps_are_the_same_by_address_in_one_process_and_by_type_in_two() -> None:
    def nameless(entries: int, address: int) -> object:
        return a_map("map at", entries, address=address, path=None, declared=None)

    before = inventory(nameless(10, 0xC000), nameless(20, 0xD000))  # type: ignore[arg-type]
    after = inventory(nameless(15, 0xC000), nameless(20, 0xF000), at_seconds=9)  # type: ignore[arg-type]
    assert sorted(each.entries for each in compare_inventories(before, after).rows) == [-20, 5, 20]
    other = replace(after, target=replace(after.target, pid=8))
    (together,) = compare_inventories(before, other).rows
    assert (together.owner, together.entries) == ("maps without a name", 5)


def test_what_weakens_it_is_said() -> None:
    one = inventory(a_map("main.a", 1))
    assert "same moment" in compare_inventories(one, one).doubts[0]
    assert (
        "two builds" in compare_inventories(one, inventory(build_id="other", pid=9, at_seconds=5)).doubts[0]
    )
    assert "two programs" in compare_inventories(one, inventory(exe="/srv/b", pid=9, at_seconds=5)).doubts[0]
    assert "two processes" in compare_inventories(one, inventory(pid=9, at_seconds=5)).doubts[0]
    assert "taken before" in compare_inventories(inventory(at_seconds=5), one).doubts[0]
    partial = inventory(at_seconds=5)
    partial = replace(partial, snapshot=replace(partial.snapshot, complete=False))
    assert "second could not be read whole" in compare_inventories(one, partial).doubts[0]
    assert compare_inventories(one, inventory(at_seconds=5)).doubts == ()
    crossed = inventory(holders=(a_holder("main.log", 9_000),), at_seconds=5)
    assert "may only have been less" in compare_inventories(one, crossed).doubts[0]


def test_instances_of_one_declaration_are_one_row_when_asked() -> None:
    def shards(entries: int, at: float) -> object:
        maps = [
            a_map(f"main.r[{i}].m", entries, address=0xC000 + 48 * i, declared="main.shard.m")
            for i in range(4)
        ]
        return inventory(*maps, at_seconds=at)

    (together,) = compare_inventories(shards(10, 0), shards(12, 9), by_declared=True).rows  # type: ignore[arg-type]
    assert (together.owner, together.entries, together.after and together.after.instances) == (
        "main.shard.m",
        8,
        4,
    )
    assert len(compare_inventories(shards(10, 0), shards(12, 9)).rows) == 4  # type: ignore[arg-type]
