"""What holds much and is no map: slices, channels, and objects below which the heap spreads out."""

from __future__ import annotations

from collections.abc import Iterator

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import name_owner
from mapmedic.goheap.roots import RootKind
from mapmedic.model.inventory import Holder, HolderKind

# src/runtime/chan.go, hchan: qcount, dataqsiz, buf.
_BUFFER = 16
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
        kind, length, capacity = _what(heap, (address, size, shape, type_), at, parent_shape)
        # A channel and its buffer are one thing: its owner is who holds the channel.
        owner = name_owner(heap, parent if parent_shape == "channel" else address, names, on_stack=False)
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


def _what(
    heap: GoHeap, object_: tuple[int, int, str, int], at: int | None, parent_shape: str
) -> tuple[HolderKind, int | None, int | None]:
    """Return (kind, length, capacity) of the object that the word ``at`` leads to."""
    address, size, shape, type_ = object_
    if shape == "channel":
        return HolderKind.CHANNEL, heap.memory.word(address), heap.memory.word(address + 8)
    if at is not None and parent_shape == "channel":
        return HolderKind.CHANNEL, heap.memory.word(at - _BUFFER), heap.memory.word(at - _BUFFER + 8)
    words = heap.memory.words(at, "3Q") if at is not None else None
    element = heap.types.size(type_) if type_ else None
    each = element[0] if element is not None else 1
    if words is not None and _is_slice(words, address, size, each):
        return HolderKind.SLICE, words[1], words[2]
    return HolderKind.OBJECT, None, None


def _is_slice(words: tuple[int, ...], address: int, size: int, element_bytes: int) -> bool:
    """Tell whether three words are a slice of the object: more than one element, and most of its room."""
    pointer, length, capacity = words
    begins = 0 <= pointer - address <= 8  # behind the header of the object
    return begins and capacity > 1 and length <= capacity and size // 2 <= capacity * element_bytes <= size


def _type(kind: HolderKind, name: str | None) -> str | None:
    if name is None:
        return None
    match kind:
        case HolderKind.SLICE:
            return f"[]{name}"
        case HolderKind.CHANNEL:
            return f"chan {name}"
    return name
