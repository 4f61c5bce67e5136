"""Who holds a map: the shortest way from a root, in the names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import CHAN, MAP, GlobalNames
from mapmedic.goheap.roots import Root, RootKind
from mapmedic.model.inventory import OwnerKind

# A step of a way as the native core tells it: object, offset in it, what it is, the type that goes with that.
Step = tuple[int, int, str, int]


@dataclass(frozen=True, slots=True)
class Owner:
    """The three names of an owner (docs/concepts/the-house.md), each None where nothing says it."""

    path: str | None
    declared: str | None
    label: str | None
    kind: OwnerKind


def name_owner(heap: GoHeap, address: int, names: GlobalNames | None, *, on_stack: bool) -> Owner:
    """Return who holds the map whose header is at ``address``."""
    if on_stack:
        goroutine = _goroutine_of(heap, address)
        return Owner(f"goroutine {goroutine}" if goroutine else None, None, None, OwnerKind.GOROUTINE)
    way = heap.survey.way(address)
    if not way:
        return Owner(None, None, None, OwnerKind.UNKNOWN)
    root, steps = heap.roots.root(way[0][1]), way[1:]
    declared = _declared(heap, steps)
    if root.kind is not RootKind.GLOBAL:
        return Owner(
            None,
            declared,
            _label(root),
            OwnerKind.GOROUTINE if root.kind is RootKind.STACK else OwnerKind.UNKNOWN,
        )
    kind = OwnerKind.HEAP if steps else OwnerKind.GLOBAL
    named = _by_debug_information(heap, root, steps, names)
    if named is None:
        return Owner(None, declared, _label(root), kind)
    path, field = named
    return Owner(path, field or declared or path, None, kind)


def _by_debug_information(
    heap: GoHeap, root: Root, steps: Sequence[Step], names: GlobalNames | None
) -> tuple[str, str | None] | None:
    """Return (path, declared), as far as the program's types lead; behind a map or a channel […] stands for which."""
    if names is None:
        return None
    whole = names.follow(root.at, [place for _, place, _, _ in steps])
    if whole is not None:
        variable, path, declared = whole
        return variable + path, declared
    variable_kind = names.variable(root.at)
    if variable_kind is None:
        return None
    variable, kind = variable_kind
    inner = _field(heap, steps)
    if kind not in (CHAN, MAP) or inner is None:
        return None
    return f"{'chan ' if kind == CHAN else ''}{variable}[…]{inner}", _declared(heap, steps)


def _field(heap: GoHeap, steps: Sequence[Step]) -> str | None:
    """Return ``.field`` of the last value on the way, "" where the value itself is the map."""
    if not steps:
        return None
    _, place, kind, type_ = steps[-1]
    if kind != "values":
        return None
    name = heap.types.name(type_) or ""
    return "" if name.startswith(("map.group[", "map.bucket[")) else heap.types.field_path(type_, place)


def _declared(heap: GoHeap, steps: Sequence[Step]) -> str | None:
    """Return ``main.Manager.sessions`` for the last step out of a struct with a name; None where there is none."""
    for _, place, kind, type_ in reversed(steps):
        name = heap.types.name(type_) if kind == "values" else None
        path = heap.types.field_path(type_, place) if name else None
        if (
            name
            and path
            and path.startswith(".")
            and "." in name
            and not name.startswith(("map.", "struct "))
        ):
            return f"{name}{path}"
    return None


def _label(root: Root) -> str:
    match root.kind:
        case RootKind.GLOBAL:
            return f"global {root.at:#x}"
        case RootKind.STACK:
            return f"goroutine {root.of}"
    return f"thread {root.of}"


def _goroutine_of(heap: GoHeap, address: int) -> int | None:
    for (start, end), id_ in zip(heap.roots.stacks, heap.roots.stack_owners, strict=True):
        if start <= address < end:
            return id_
    return None
