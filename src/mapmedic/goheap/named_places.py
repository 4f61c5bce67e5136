"""From what people call a variable, or a field of one, to where it lies and what it is: main.mgr.sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic.goheap.descriptors import Descriptor, Kind
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.names import GlobalNames


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A value of ``type`` at ``address``, called ``name``. ``nil`` is the part of that which is nil, "" for none."""

    name: str
    address: int
    type: Descriptor
    nil: str = ""


def find_places(heap: GoHeap, names: GlobalNames | None, wanted: str) -> tuple[NamedPlace, ...]:
    """Return what ``wanted`` may mean: global variables by name or ending, and fields of them.

    None of a stripped program, nor of variables whose type the runtime does not describe.
    """
    return tuple(_places(heap, names, wanted)) if names else ()


def _places(heap: GoHeap, names: GlobalNames, wanted: str) -> Iterator[NamedPlace]:
    for address, type_ in names.types():
        known = names.variable(address)
        kind = heap.ways.descriptors.at(heap.runtime.types + type_)
        if known is None or kind is None:
            continue
        for head, fields in _splits(wanted):
            if known[0] == head or known[0].endswith("." + head):
                found = _follow(heap, NamedPlace(known[0], address, kind), fields)
                if found is not None:
                    yield found


def _splits(wanted: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each way to read it as a variable and fields."""
    parts = wanted.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count]), parts[count:]


def _follow(heap: GoHeap, place: NamedPlace, fields: list[str]) -> NamedPlace | None:
    for name in fields:
        place = _behind(heap, place)
        field = next((each for each in place.type.fields if each.name == name), None)
        if place.nil or field is None:
            return place if place.nil else None
        kind = heap.ways.descriptors.at(field.type)
        if kind is None:
            return None
        place = NamedPlace(f"{place.name}.{name}", place.address + field.offset, kind)
    return _nil_if_map(heap, place)


def _behind(heap: GoHeap, place: NamedPlace) -> NamedPlace:
    """Return what a pointer leads to; ``place`` itself where it is none."""
    if place.type.kind is not Kind.POINTER:
        return place
    target, kind = heap.memory.word(place.address), heap.ways.descriptors.at(place.type.element)
    if not target or kind is None:
        return NamedPlace(place.name, place.address, place.type, nil=place.name)
    return NamedPlace(place.name, target, kind)


def _nil_if_map(heap: GoHeap, place: NamedPlace) -> NamedPlace:
    if place.type.kind is Kind.MAP and heap.memory.word(place.address) == 0:
        return NamedPlace(place.name, place.address, place.type, nil=place.name)
    return place
