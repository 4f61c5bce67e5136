"""Maps of an inventory together by owner: one row for an owner, however many maps it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mapmedic.model.inventory import Inventory, MapInstance
from mapmedic.model.inventory_change import OwnerFigures

# What is the same owner: a name and a type, or an address.
OwnerKey = tuple[str, str | int, str | None]


def by_owner(each: MapInstance) -> OwnerKey:
    """Return what tells ``each`` from others in one process: its path, else its declaration, else its address."""
    if each.path is not None:
        return "path", each.path, each.type
    if each.declared is not None:
        return "declared", each.declared, each.type
    return "address", each.address, each.type


def by_declaration(each: MapInstance) -> OwnerKey:
    """Return what all instances of one declared owner have in common."""
    return ("declared", each.declared, each.type) if each.declared is not None else by_owner(each)


def group_maps(
    inventory: Inventory, key: Callable[[MapInstance], OwnerKey]
) -> dict[OwnerKey, list[MapInstance]]:
    """Return the maps of ``inventory`` by ``key``."""
    groups: dict[OwnerKey, list[MapInstance]] = {}
    for each in inventory.maps:
        groups.setdefault(key(each), []).append(each)
    return groups


def sum_figures(maps: Sequence[MapInstance]) -> OwnerFigures:
    """Return the figures of ``maps`` together; what is not known of one is not known of all."""
    return OwnerFigures(
        instances=len(maps),
        entries=sum(each.entries for each in maps),
        capacity=_sum(each.capacity for each in maps),
        shallow_bytes=sum(each.shallow_bytes for each in maps),
        dead_bytes=_sum(each.dead_bytes for each in maps),
        retained_bytes=_sum(each.retained_bytes for each in maps),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
