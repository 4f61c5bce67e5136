"""The changes that take entries out of one table or chain, in an order that leaves the map whole after each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapmedic.goheap.eviction_now import BatchNow
from mapmedic.goheap.eviction_plan import Chosen
from mapmedic.goheap.map_walk import SLOTS, TABLE, VACANT, Chain, Part, Table
from mapmedic.goheap.slot_stores import (
    EMPTY_GROUP,
    SlotStores,
    delete_from_chain,
    delete_from_group,
    most_growth,
)
from mapmedic.model.change import PAGE, Change

_WORD = 8


def changes_of(now: BatchNow, part: Part, own: Sequence[Chosen]) -> tuple[list[Change], int] | None:
    """Return the changes that take ``own`` out of ``part``, and how many tombstones they make.

    None where what the table says of itself does not fit what is in it.
    """
    return (_from_chain(now, part, own), 0) if isinstance(part, Chain) else _from_table(now, part, own)


def _from_table(now: BatchNow, table: Table, own: Sequence[Chosen]) -> tuple[list[Change], int] | None:
    by_group: dict[int, list[int]] = {}
    for row in own:
        by_group.setdefault(row.group, []).append(row.slot)
    new: dict[int, bytes] = {}
    tombstones = 0
    for group, slots in by_group.items():
        raw = bytearray(now.group(group) or b"")
        tombstones += delete_from_group(now.plan.stores, raw, slots, is_small=table.place < 0)
        new[group] = bytes(raw)
    if table.place < 0:
        return _differences(now, new, by_group), 0
    described = now.table(table) or b""
    used, capacity, growth, *rest = TABLE.unpack(described)
    used, growth = used - len(own), growth + len(own) - tombstones
    if used < 0 or growth > most_growth(capacity):
        return None
    if used == 0:
        growth, tombstones = most_growth(capacity), 0
        emptied = _without_tombstones(now, table, new)
        if emptied is None:
            return None
        new = emptied
    changed = TABLE.pack(used, capacity, growth, *rest)
    counted = Change(table.address, described[:_WORD], changed[:_WORD])
    return [*_differences(now, new, by_group), counted], tombstones


def _without_tombstones(now: BatchNow, table: Table, new: dict[int, bytes]) -> dict[int, bytes] | None:
    """Return every group of a table that holds nothing any more: nothing is looked up past a tombstone (Clear).

    None where it holds something all the same, or cannot be read.
    """
    width = now.plan.stores.layout.group_bytes
    groups = [table.groups + number * width for number in range(table.count)]
    now.fetch([(group, width) for group in groups])
    whole = {group: new.get(group) or now.group(group) or b"\0" for group in groups}
    if any(min(raw[:SLOTS]) < VACANT for raw in whole.values()):
        return None
    return {group: EMPTY_GROUP + raw[SLOTS:] for group, raw in whole.items()}


def _from_chain(now: BatchNow, chain: Chain, own: Sequence[Chosen]) -> list[Change]:
    """Begin with the last bucket: whoever says that nothing follows is right then, after each change."""
    raws = [bytearray(now.group(bucket) or b"") for bucket in chain.buckets]
    delete_from_chain(now.plan.stores, raws, [(chain.buckets.index(row.group), row.slot) for row in own])
    new = dict(zip(reversed(chain.buckets), map(bytes, reversed(raws)), strict=True))
    by_group: dict[int, list[int]] = {}
    for row in own:
        by_group.setdefault(row.group, []).append(row.slot)
    return _differences(now, new, by_group)


def _differences(now: BatchNow, new: dict[int, bytes], gone: dict[int, list[int]]) -> list[Change]:
    """Return what makes the groups as they are into ``new``: one change for each, where that is within a page."""
    changes: list[Change] = []
    for group, raw in new.items():
        old = now.group(group) or b""
        change = _differing(group, old, raw, 0, len(raw))
        if change is not None and len(change.by_page) > 1:
            changes += _on_pages(now.plan.stores, group, old, raw, gone.get(group, ()))
        elif change is not None:
            changes.append(change)
    return changes


def _differing(group: int, old: bytes, new: bytes, start: int, end: int) -> Change | None:
    """Return the change of what differs in [start, end) of a group, from the first word that does to the last."""
    words = range(start - start % _WORD, end, _WORD)
    differ = [
        at
        for at in words
        if old[max(at, start) : min(at + _WORD, end)] != new[max(at, start) : min(at + _WORD, end)]
    ]
    if not differ:
        return None
    first, behind = max(start, differ[0]), min(end, differ[-1] + _WORD)
    return Change(group + first, old[first:behind], new[first:behind])


def _on_pages(
    stores: SlotStores, group: int, old: bytes, new: bytes, slots: Sequence[int]
) -> Iterator[Change]:
    """Yield the changes of a group that lies on several pages: what its slots say of themselves goes in the middle.

    Before it elements: an entry with the zero value is an entry, and where there is none an insert relies on zeros.
    After it what a lookup, or who uses what it found, would follow: keys, pointers to elements that lie elsewhere;
    and an element that lies on two pages, half of which would be none.
    """
    keys, elems = zip(*map(stores.places, slots), strict=True)
    parts = [_differing(group, old, new, *place) for place in elems]
    first = [
        each for each in parts if each is not None and _is_whole(each) and not stores.layout.elem_indirect
    ]
    said = _differing(group, old, new, 0, SLOTS)
    yield from first
    if said is not None:
        yield said
    rest = [_differing(group, old, new, *place) for place in keys] + [
        each for each in parts if each not in first
    ]
    for each in rest:
        if each is not None:
            yield from each.by_page


def _is_whole(change: Change) -> bool:
    return change.address % PAGE + len(change.new) <= PAGE
