"""What holds much and is no map, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.holder_kinds import Large, what_it_is
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import name_owner
from mapmedic.goheap.roots import RootKind
from mapmedic.model.inventory import Holder, HolderKind

_ROOT = 0


def find_holders(heap: GoHeap, names: GlobalNames | None) -> tuple[Holder, ...]:
    """Return what holds much and is no map, the largest first."""
    found = list(_holders(heap, names))
    return tuple(sorted(found, key=lambda each: (-each.retained_bytes, each.address)))


def _holders(heap: GoHeap, names: GlobalNames | None) -> Iterator[Holder]:
    for (address, size, retained, shape, type_), (parent, parent_shape, place) in heap.survey.holders():
        name = heap.types.name(type_) if type_ else None
        if name is not None and name.startswith(("map.group[", "map.bucket[")):
            continue  # of a map whose header is on a stack
        at = parent + place if parent != _ROOT else _root_address(heap, place)
        large = Large(address, size, shape, type_, name, at, parent_shape)
        kind, length, capacity = what_it_is(heap, large)
        # A channel and its buffer are one thing: its owner is who holds the channel.
        is_buffer = parent != _ROOT and kind is HolderKind.CHANNEL and shape != "channel"
        owner = name_owner(heap, parent if is_buffer else address, names, on_stack=False)
        yield Holder(
            address=address,
            owner=owner.path or owner.declared or owner.label or f"object at {address:#x}",
            path=owner.path,
            declared=owner.declared,
            label=owner.label,
            owner_kind=owner.kind,
            kind=kind,
            type=_type(kind, name),
            length=length,
            capacity=capacity,
            shallow_bytes=size,
            retained_bytes=retained,
        )


def _root_address(heap: GoHeap, number: int) -> int | None:
    root = heap.roots.root(number)
    return int(root.at) if root.kind in (RootKind.GLOBAL, RootKind.STACK) else None


def _type(kind: HolderKind, name: str | None) -> str | None:
    if name is None:
        return None
    match kind:
        case HolderKind.SLICE:
            return f"[]{name}"
        case HolderKind.CHANNEL:
            return f"chan {name}"
    return name
