"""What is in an inventory together by owner: one row for an owner, however many maps or slices it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mapmedic.model.inventory import Holder, MapInstance
from mapmedic.model.inventory_change import OwnerFigures

# What is the same owner: a name and a type, or an address.
OwnerKey = tuple[str, str | int, str | None]
Held = MapInstance | Holder
AnyHeld = TypeVar("AnyHeld", MapInstance, Holder, Held)


def by_owner(each: Held) -> OwnerKey:
    """Return what tells ``each`` from others in one process: its path, else its declaration, else its address.

    What is no map goes by its label before its address.
    """
    if each.path is not None:
        return "path", each.path, each.type
    if each.declared is not None:
        return "declared", each.declared, each.type
    if isinstance(each, Holder) and each.label is not None:
        return "label", each.label, each.type  # a slice moves when it grows
    return "address", each.address, each.type


def by_declaration(each: Held) -> OwnerKey:
    """Return what all instances of one declared owner have in common."""
    return ("declared", each.declared, each.type) if each.declared is not None else by_owner(each)


def group_held(held: Iterable[AnyHeld], key: Callable[[AnyHeld], OwnerKey]) -> dict[OwnerKey, list[AnyHeld]]:
    """Return ``held`` by ``key``."""
    groups: dict[OwnerKey, list[AnyHeld]] = {}
    for each in held:
        groups.setdefault(key(each), []).append(each)
    return groups


def sum_figures(maps: Sequence[Held]) -> OwnerFigures:
    """Return the figures of ``maps`` (or of what is no map) together; what is not known of one is not known of all."""
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
