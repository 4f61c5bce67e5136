"""Who holds a map: the shortest way from a root, in the names that people use."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.roots import Root, RootKind
from mapmedic.model.inventory import OwnerKind


@dataclass(frozen=True, slots=True)
class Owner:
    """The three names of an owner (docs/concepts/the-house.md), each None where nothing says it."""

    path: str | None
    declared: str | None
    label: str | None
    kind: OwnerKind


def name_owner(heap: GoHeap, address: int, *, on_stack: bool) -> Owner:
    """Return who holds the map whose header is at ``address``."""
    if on_stack:
        goroutine = _goroutine_of(heap, address)
        return Owner(f"goroutine {goroutine}" if goroutine else None, None, None, OwnerKind.GOROUTINE)
    way = heap.survey.way(address)
    if not way:
        return Owner(None, None, None, OwnerKind.UNKNOWN)
    root = heap.roots.root(way[0][1])
    steps = [_step(heap, kind, type_, place) for _, place, kind, type_ in way[1:]]
    declared = next((step for step in reversed(steps) if step is not None), None)
    return Owner(None, declared, _root_label(root), _kind(root, steps))


def _step(heap: GoHeap, kind: str, type_: int, place: int) -> str | None:
    """Return ``main.Manager.sessions`` for a step out of a value of a named type; None out of anything else."""
    if kind != "values":
        return None
    name, path = heap.types.name(type_), heap.types.field_path(type_, place)
    return f"{name}{path}" if name and path and path.startswith(".") else None


def _root_label(root: Root) -> str | None:
    match root.kind:
        case RootKind.GLOBAL:
            return f"global {root.at:#x}"
        case RootKind.STACK:
            return f"goroutine {root.of}"
    return f"thread {root.of}"


def _kind(root: Root, steps: list[str | None]) -> OwnerKind:
    if root.kind is RootKind.GLOBAL:
        return OwnerKind.HEAP if steps else OwnerKind.GLOBAL
    return OwnerKind.GOROUTINE if root.kind is RootKind.STACK else OwnerKind.UNKNOWN


def _goroutine_of(heap: GoHeap, address: int) -> int | None:
    for (start, end), id_ in zip(heap.roots.stacks, heap.roots.stack_owners, strict=True):
        if start <= address < end:
            return id_
    return None
