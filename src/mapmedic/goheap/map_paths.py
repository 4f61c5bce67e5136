"""Who holds a map: each object on the shortest way from a root, and the other words that lead to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import Owner, Step, name_place, name_root
from mapmedic.model.holders import HolderStep, MapHolders, OtherHolder
from mapmedic.model.inventory import Inventory, MapInstance

_MOST_OTHERS = 10
# The ends of the way that others are looked for: the object of the map itself, and the one that leads to it.
_ENDS = 2
_UNTYPED = "value whose type is not known"


def take_holders(
    heap: GoHeap, inventory: Inventory, map_: MapInstance, names: GlobalNames | None
) -> MapHolders:
    """Return who holds ``map_`` of ``inventory``."""
    way = heap.survey.way_into(map_.address)
    if not way:
        # Nothing of the heap is on the way: it lies on a stack, and its owner says on whose.
        return MapHolders(inventory.target, inventory.snapshot, map_, map_.owner, (), (), 0)
    number, steps = way[0][1], way[1:]
    ends = steps[-_ENDS:]
    holders, counts, retained = heap.survey.referrers(
        heap.memory.image, [step[0] for step in reversed(steps)], heap.roots.words.tobytes(), _MOST_OTHERS + 1
    )
    root_name = _said(name_root(heap, number, names))
    # The last object is the map, or has it within.
    said = [*_names(heap, steps[:-1], root_name, names), map_.owner]
    named = tuple(
        HolderStep(step[0], name, _type(heap, step, map_), held)
        for step, name, held in zip(steps, said, reversed(retained), strict=True)
    )
    on_way = {step[0] + step[1] for step in steps}
    others = [
        OtherHolder(_type(heap, steps[-1 - target], map_) or _UNTYPED, *_named(heap, address, root, names))
        for target, address, root in holders
        if target < len(ends) and (address not in on_way if address else root != number)
    ]
    count = sum(counts[: len(ends)]) - len(ends)
    return MapHolders(
        inventory.target,
        inventory.snapshot,
        map_,
        root_name,
        named,
        tuple(others[:_MOST_OTHERS]),
        max(0, count),
    )


def _names(heap: GoHeap, steps: Sequence[Step], name: str, names: GlobalNames | None) -> Iterator[str]:
    """Yield the name of the place that each step leads on by; within a map's own parts it is still the map's."""
    for step in steps:
        if step[2] in ("values", "unknown", "channel"):
            name = _said(name_place(heap, step[0] + step[1], names))
        yield name


def _named(heap: GoHeap, address: int, root: int, names: GlobalNames | None) -> tuple[str, int]:
    """Return (name, address) of a word of the heap, or of a root."""
    if address:
        return _said(name_place(heap, address, names)), address
    return _said(name_root(heap, root, names)), int(heap.roots.root(root).at)


def _said(owner: Owner) -> str:
    return owner.path or owner.declared or owner.label or "nobody that could be named"


def _type(heap: GoHeap, step: Step, map_: MapInstance) -> str | None:
    """Return the type of what lies at ``step``; that of the map itself as the inventory has it."""
    address, _, shape, type_ = step
    if address == map_.address and map_.type is not None:
        return map_.type
    if shape == "unknown":
        return None
    name = heap.types.name(type_) if type_ else None
    if shape in ("values", "map"):
        return name
    return f"{shape.replace('_', ' ')} of {name}" if name else shape.replace("_", " ")
