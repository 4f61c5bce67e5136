"""Who holds a map: the shortest way from a root, in the names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import CHAN, MAP, GlobalNames
from mapmedic.goheap.roots import Root, RootKind
from mapmedic.goheap.stack_names import Names, closure_names, header_names, stack_names
from mapmedic.goheap.ways import UNKNOWN_KEY
from mapmedic.memory.reader import Address
from mapmedic.model.inventory import OwnerKind

# A step of a way as the native core tells it: object, offset in it, what it is, the type that goes with that.
Step = tuple[int, int, str, int]


@dataclass(frozen=True, slots=True)
class Owner:
    """The three names of an owner (docs/concepts/the-house.md), each None where nothing says it.

    ``map_type`` is the type of the map as its variable declares it, counted from where the types begin.
    """

    path: str | None
    declared: str | None
    label: str | None
    kind: OwnerKind
    map_type: int | None = None


def name_owner(heap: GoHeap, address: int, names: GlobalNames | None, *, on_stack: bool) -> Owner:
    """Return who holds the map whose header is at ``address``."""
    if on_stack:
        return _of_stack_header(heap, address, names)
    way = heap.survey.way(address)
    if not way:
        return Owner(None, None, None, OwnerKind.UNKNOWN)
    return _at_end_of(heap, way, names)


def name_place(heap: GoHeap, address: int, names: GlobalNames | None) -> Owner:
    """Return who holds what lies at ``address``: a global variable, or a part of an object of the heap."""
    way = heap.survey.way_into(address)
    if way:
        return _at_end_of(heap, way, names)
    root = Root(RootKind.GLOBAL, Address(address))
    return _of_global(heap, root, (), names)


def name_root(heap: GoHeap, number: int, names: GlobalNames | None) -> Owner:
    """Return what root ``number`` is called."""
    return _at_end_of(heap, ((0, number, "unknown", 0),), names)


def _at_end_of(heap: GoHeap, way: Sequence[Step], names: GlobalNames | None) -> Owner:
    number, steps = way[0][1], way[1:]
    root = heap.roots.root(number)
    if root.kind is RootKind.GLOBAL:
        return _of_global(heap, root, steps, names)
    closure = closure_names(heap, steps, names)
    if closure is not None:
        return _joined(closure, heap.ways.declared(steps), OwnerKind.CLOSURE)
    return _of_root(heap, number, steps, names)


def _of_global(heap: GoHeap, root: Root, steps: Sequence[Step], names: GlobalNames | None) -> Owner:
    """Return the owner by the name of a global variable, by what a closure caught, or by who touches the variable.

    What lies beside the variables is named after the one that leads to it.
    """
    kind = OwnerKind.HEAP if steps else OwnerKind.GLOBAL
    variable = names.follow(root.at, ()) if names else None
    if names is not None and variable is None:
        root, steps = heap.statics.from_variable(root, steps)
        variable = names.follow(root.at, ())
    declared = heap.ways.declared(steps)
    closure = closure_names(heap, steps, names)
    if closure is not None:
        return _joined(closure, declared, OwnerKind.CLOSURE)
    named = _by_debug_information(heap, root, steps, names)
    if named is not None:
        path, field = named
        map_type = names.map_type(root.at, [place for _, place, _, _ in steps]) if names else None
        return Owner(path, field or declared or path, None, kind, map_type)
    if variable is not None:
        # Nobody says how it goes on from there: through an unsafe.Pointer, as in a sync.Pool.
        name, path, field, _ = variable
        return Owner(f"{name}{path}{UNKNOWN_KEY}", declared or field or name, None, kind)
    return Owner(None, declared, heap.labels.of(root.at), kind)


def _of_root(heap: GoHeap, number: int, steps: Sequence[Step], names: GlobalNames | None) -> Owner:
    root, declared = heap.roots.root(number), heap.ways.declared(steps)
    match root.kind:
        case RootKind.STACK:
            found = stack_names(heap, root.of, heap.roots.alike(number), steps, names)
            return _joined(found, declared, OwnerKind.GOROUTINE)
        case RootKind.REGISTER:
            return Owner(None, declared, f"thread {root.of}", OwnerKind.UNKNOWN)
        case RootKind.SPECIAL:
            return Owner(_kept_by_finalizer(heap, steps), declared, "finalizer or cleanup", OwnerKind.HEAP)
    return Owner(None, declared, None, OwnerKind.UNKNOWN)


def _kept_by_finalizer(heap: GoHeap, steps: Sequence[Step]) -> str | None:
    """Return ``finalizer main.(*T)(0xc000012345).field``, as far as types lead; None where nothing is known."""
    if not steps:
        return None
    object_, _, kind, type_ = steps[0]
    name = heap.types.name(type_) if kind == "values" else None
    fields = [heap.types.field_path(type_, place) for _, place, kind, type_ in steps if kind == "values"]
    if name is None or len(fields) < len(steps) or None in fields:
        return None
    package, _, bare = name.rpartition(".")
    return f"finalizer {package}.(*{bare})({object_:#x}){''.join(map(str, fields))}"


def _of_stack_header(heap: GoHeap, address: int, names: GlobalNames | None) -> Owner:
    header = Address(address)
    number = heap.stacks.index_at(header)
    if number is None:
        return Owner(None, None, None, OwnerKind.GOROUTINE)
    found = header_names(heap, int(heap.stacks.id[number]), header, heap.roots.holders(number, header), names)
    return _joined(found, None, OwnerKind.GOROUTINE)


def _joined(names: Names, declared: str | None, kind: OwnerKind) -> Owner:
    label = None if names.path else names.label
    return Owner(names.path, names.declared or declared, label, kind, names.map_type)


def _by_debug_information(
    heap: GoHeap, root: Root, steps: Sequence[Step], names: GlobalNames | None
) -> tuple[str, str | None] | None:
    """Return (path, declared): as far as the debug information leads, from there on by the types in memory.

    Where one of those is not known, […] stands for all that lies between the variable and the last value.
    """
    if names is None:
        return None
    places = [place for _, place, _, _ in steps]
    led, known = names.follow(root.at, ()), 0
    while led is not None and known < len(steps):
        further = names.follow(root.at, places[: known + 1])
        if further is None:
            break
        led, known = further, known + 1
    if led is not None:
        variable, path, declared, kind = led
        way = heap.ways.along(steps[known:], kind)
        if way is not None:
            if way.path:
                declared = heap.ways.declared(steps[known:]) or declared or f"{variable}{path}"
            return f"{'chan ' if way.through_channel else ''}{variable}{path}{way.path}", declared
    variable_kind = names.variable(root.at)
    if variable_kind is None:
        return None
    variable, kind = variable_kind
    inner = _field(heap, steps)
    if kind not in (CHAN, MAP) or inner is None:
        return None
    return f"{'chan ' if kind == CHAN else ''}{variable}[…]{inner}", heap.ways.declared(steps)


def _field(heap: GoHeap, steps: Sequence[Step]) -> str | None:
    """Return ``.field`` of the last value on the way, "" where the value itself is the map."""
    if not steps:
        return None
    _, place, kind, type_ = steps[-1]
    if kind != "values":
        return None
    name = heap.types.name(type_) or ""
    return "" if name.startswith(("map.group[", "map.bucket[")) else heap.types.field_path(type_, place)
