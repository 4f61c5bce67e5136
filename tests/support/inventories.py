"""Inventories in the words of the domain: what somebody reading memory would have found. Made up: a mock of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup
from mapmedic.model.inventory import (
    Holder,
    HolderKind,
    Inventory,
    InventoryTarget,
    MapInstance,
    OwnerKind,
    Snapshot,
    SnapshotMode,
)
from mapmedic.model.units import NANOSECONDS_PER_SECOND

START = 1_700_000_000 * NANOSECONDS_PER_SECOND
_ENTRY_BYTES = 1_000
_SLOT_BYTES = 17


def a_map(
    owner: str, entries: int, *, address: int = 0xC000, slots: int | None = None, **more: Any
) -> MapInstance:
    """Return a map of ``entries`` values of a kilobyte; ``slots`` are as many as it needs unless told."""
    room = slots if slots is not None else max(8, 1 << (entries * 8 // 7).bit_length())
    needed = max(8, 1 << (entries * 8 // 7).bit_length()) if entries else 0
    own = room * _SLOT_BYTES
    return replace(
        MapInstance(
            address=address,
            owner=owner,
            path=owner,
            declared=f"main.T.{owner.rpartition('.')[2]}",
            label=None,
            owner_kind=OwnerKind.GLOBAL,
            type="map[string]*main.V",
            design="swiss",
            entries=entries,
            capacity=room,
            shallow_bytes=own,
            dead_bytes=max(0, room - needed) * _SLOT_BYTES,
            retained_bytes=own + entries * _ENTRY_BYTES,
        ),
        **more,
    )


def a_holder(owner: str, elements: int, *, kind: HolderKind = HolderKind.SLICE, **more: Any) -> Holder:
    """Return a slice, channel or object that holds ``elements`` of a kilobyte."""
    return replace(
        Holder(
            address=0xF000,
            owner=owner,
            path=owner,
            declared=owner,
            label=None,
            owner_kind=OwnerKind.GLOBAL,
            kind=kind,
            type="[]*main.V",
            length=None if kind is HolderKind.OBJECT else elements,
            capacity=None if kind is HolderKind.OBJECT else elements,
            shallow_bytes=8 * elements,
            retained_bytes=(8 + _ENTRY_BYTES) * elements,
        ),
        **more,
    )


def inventory(
    *maps: MapInstance,
    holders: tuple[Holder, ...] = (),
    at_seconds: float = 0.0,
    rest_bytes: int = 1 << 20,
    waiting: int | None = None,
    **target: Any,
) -> Inventory:
    """Return an inventory of ``maps`` with ``rest_bytes`` beside them; ``waiting`` goroutines stand at one place."""
    held = sum(max(each.retained_bytes or 0, each.shallow_bytes) for each in (*maps, *holders))
    return Inventory(
        target=replace(
            InventoryTarget(7, "/srv/app", "go1.27.3", False, (), "box", 1_699_999_000.0, "build-1"), **target
        ),
        snapshot=Snapshot(
            SnapshotMode.FORK,
            3.0,
            1_000,
            held + rest_bytes,
            True,
            taken_at_unix_ns=START + round(at_seconds * NANOSECONDS_PER_SECOND),
        ),
        maps=tuple(sorted(maps, key=lambda each: -each.shallow_bytes)),
        unread=(),
        holders=holders,
        goroutines=None if waiting is None else _dump(waiting),
        stack_bytes=None if waiting is None else waiting * 2048,
    )


def _dump(waiting: int) -> GoroutineDump:
    place = (GoroutineFrame("runtime.gopark", "proc.go", 1), GoroutineFrame("main.(*hub).wait", "hub.go", 12))
    creator = GoroutineFrame("main.(*hub).add", "hub.go", 5)
    return GoroutineDump(
        (GoroutineGroup(waiting, "", 0, 0, place, creator, (), 0, elided=False),), waiting, truncated=False
    )
