"""From two inventories of one program to what each owner gained between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from mapmedic.model.inventory import Holder, Inventory, InventoryTarget, MapInstance
from mapmedic.model.inventory_change import InventoryChange, OwnerChange
from mapmedic.model.observation import SAME_START_SECONDS
from mapmedic.model.owner_groups import (
    Held,
    OwnerKey,
    by_declaration,
    by_owner,
    group_held,
    sum_figures,
)
from mapmedic.model.units import NANOSECONDS_PER_SECOND

# What kind of name tells more; one that tells less gives way.
_RANK = {"path": 0, "declared": 1, "label": 2, "address": 3}


def compare_inventories(before: Inventory, after: Inventory, *, by_declared: bool = False) -> InventoryChange:
    """Return what each owner gained from ``before`` to ``after``.

    An owner is the same by its path, else by its declaration, else (in one process) by a label of its own, else by
    its address. With
    ``by_declared`` all instances of one declaration are one row.
    """
    one_process = is_one_process(before.target, after.target)
    key = by_declaration if by_declared else by_owner
    told: tuple[Callable[[Held], OwnerKey], ...] = (_without_addresses(key),) * 2
    if one_process:
        labelled = _with_labels(key, before.maps, after.maps)
        told = (
            _with_addresses(labelled, (*before.maps, *after.maps)),
            _with_addresses(key, (*before.holders, *after.holders)),
        )
    rows = _rows(before.maps, after.maps, told[0], by_declared=by_declared)
    holders = _rows(before.holders, after.holders, told[1], by_declared=by_declared)
    doubts = (*_doubts(before, after, one_process), *_listed_once(holders))
    return InventoryChange(before, after, rows, _seconds(before, after), one_process, doubts, holders)


def _rows(
    before: Sequence[Held], after: Sequence[Held], told: Callable[[Held], OwnerKey], *, by_declared: bool
) -> tuple[OwnerChange, ...]:
    old, new = group_held(before, told), group_held(after, told)
    rows = [
        _row(old.get(each, []), new.get(each, []), by_declared=by_declared)
        for each in dict.fromkeys((*new, *old))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.bytes, -row.entries, row.owner)))


def _listed_once(holders: Sequence[OwnerChange]) -> tuple[str, ...]:
    if all(row.before is not None and row.after is not None for row in holders):
        return ()
    return (
        "what is no map is listed from 1 MiB and one in a hundred bytes on: "
        "one that looks new or gone may only have been less",
    )


def is_one_process(one: InventoryTarget, other: InventoryTarget) -> bool:
    """Tell whether both are surely of the same process: same machine, number and start."""
    began = one.started_at_seconds, other.started_at_seconds
    return (
        (one.host, one.pid) == (other.host, other.pid)
        and one.pid is not None
        and None not in began
        and abs((began[0] or 0.0) - (began[1] or 0.0)) <= SAME_START_SECONDS
    )


def _with_labels(
    key: Callable[[Held], OwnerKey], before: Sequence[MapInstance], after: Sequence[MapInstance]
) -> Callable[[Held], OwnerKey]:
    """Return ``key``, but for a map without a name whose label no other map has: that it keeps when it is made anew."""
    old, new = (Counter((each.label, each.type) for each in maps) for maps in (before, after))
    alone = {
        each for each in old if each[0] is not None and each[1] is not None and old[each] == new[each] == 1
    }

    def told(each: Held) -> OwnerKey:
        found = key(each)
        if found[0] == "address" and (each.label, each.type) in alone:
            return "label", each.label or "", each.type
        return found

    return told


def _with_addresses(key: Callable[[Held], OwnerKey], held: Sequence[Held]) -> Callable[[Held], OwnerKey]:
    """Return ``key`` for one process: a map that has a name at one of the moments has it at both.

    Which of several roots a map was reached from first may differ, and with it what it is called.
    """
    named: dict[tuple[int, str | None], OwnerKey] = {}
    for each in held:
        place, found = (each.address, each.type), key(each)
        if place not in named or _RANK[found[0]] < _RANK[named[place][0]]:
            named[place] = found

    def told(each: Held) -> OwnerKey:
        own, best = key(each), named[each.address, each.type]
        return best if _RANK[best[0]] < _RANK[own[0]] else own

    return told


def _without_addresses(key: Callable[[Held], OwnerKey]) -> Callable[[Held], OwnerKey]:
    """Return ``key`` for two processes: maps without a name are told apart by type alone."""

    def told(each: Held) -> OwnerKey:
        kind, name, type_ = key(each)
        return ("type", "", type_) if kind == "address" else (kind, name, type_)

    return told


def _row(old: list[Held], new: list[Held], *, by_declared: bool) -> OwnerChange:
    maps = new or old
    first = min((*new, *old), key=_namelessness)
    together = len(maps) > 1
    owner = first.owner
    if by_declared and together and first.declared is not None:
        owner = first.declared
    elif together and first.path is None and first.declared is None:
        owner = f"{first.design if isinstance(first, Holder) else 'map'}s without a name"
    return OwnerChange(
        owner=owner,
        path=None if by_declared and together else first.path,
        declared=first.declared,
        label=None if together else first.label,
        type=first.type,
        design=first.design,
        before=sum_figures(old) if old else None,
        after=sum_figures(new) if new else None,
        is_rebuilt=_is_rebuilt(old, new),
    )


def _is_rebuilt(old: Sequence[Held], new: Sequence[Held]) -> bool:
    """Tell whether there were maps at both moments, and all of now are others: where one lies says nothing."""
    seeds = [{each.seed for each in held if isinstance(each, MapInstance)} for held in (old, new)]
    return all(seeds) and None not in seeds[0] | seeds[1] and not seeds[0] & seeds[1]


def _namelessness(each: Held) -> tuple[bool, bool]:
    return each.path is None, each.declared is None


def _seconds(before: Inventory, after: Inventory) -> float | None:
    start, end = before.snapshot.taken_at_unix_ns, after.snapshot.taken_at_unix_ns
    if start is None or end is None or end <= start:
        return None
    return (end - start) / NANOSECONDS_PER_SECOND


def _doubts(before: Inventory, after: Inventory, one_process: bool) -> tuple[str, ...]:
    said = []
    one, other = before.target, after.target
    if one.build_id and other.build_id and one.build_id != other.build_id:
        said.append(
            f"two builds: Go's build ID differs ({one.exe} and {other.exe}); owners are matched by name alone"
        )
    elif one.exe.rpartition("/")[2] != other.exe.rpartition("/")[2]:
        said.append(f"two programs: {one.exe} and {other.exe}; owners are matched by name alone")
    elif not one_process:
        said.append(
            "two processes, or nobody noted which: owners are matched by name, those without one by type"
        )
    start, end = before.snapshot.taken_at_unix_ns, after.snapshot.taken_at_unix_ns
    if start is not None and start == end:
        said.append("both are of the same moment: nothing can have changed")
    elif start is not None and end is not None and end < start:
        said.append("the second was taken before the first: what grew is shown as shrunk")
    incomplete = [name for name, each in (("first", before), ("second", after)) if not each.snapshot.complete]
    if incomplete:
        said.append(
            f"the {' and the '.join(incomplete)} could not be read whole: what is missing looks new or gone"
        )
    return tuple(said)
