"""The maps that are fields of one instance of a struct: by path (main.mgr), type (main.Manager) or address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mapmedic.errors import AmbiguousStruct, UnknownStruct, UsageError
from mapmedic.goheap.heap import GoHeap
from mapmedic.model.inventory import MapInstance

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class MapField:
    """The map in field ``name`` of a struct."""

    name: str
    map: MapInstance


@dataclass(slots=True)
class _Instance:
    """A struct with maps: what it is called, and the object that it is, or is in; None for a variable."""

    name: str
    object: int | None
    fields: dict[str, MapField] = field(default_factory=dict)

    @property
    def told(self) -> str:
        at = "" if self.object is None else f"{self.object:#x}, "
        return f"{self.name} ({at}{', '.join(self.fields)})"


def find_fields(heap: GoHeap, maps: Sequence[MapInstance], struct: str) -> tuple[MapField, ...]:
    """Return the map fields of the one instance that ``struct`` means: path, type, or how one ends, or its address 0x….

    UsageError where there is none; AmbiguousStruct, with the address of each, where several instances are meant.
    """
    address = int(struct, 16) if _ADDRESS.fullmatch(struct) else None
    meant: dict[object, _Instance] = {}
    for map_ in maps:
        object_ = _object(heap, map_)
        for whole, name in _fields(map_):
            if (
                whole == struct
                or whole.endswith(f".{struct}")
                or (address is not None and object_ == address)
            ):
                path = map_.path.rpartition(".")[0] if map_.path else None
                of = meant.setdefault(path or object_ or whole, _Instance(path or whole, object_))
                _require_one(of, of.fields.setdefault(name, MapField(name, map_)), map_)
    if not meant:
        known = sorted({whole for map_ in maps for whole, _ in _fields(map_)})
        near = [each for each in known if struct.rpartition(".")[2].lower() in each.lower()][:_MOST_NEAR]
        raise UnknownStruct(struct, tuple(near))
    if len(meant) > 1:
        raise AmbiguousStruct(struct, tuple(each.told for each in meant.values()))
    (only,) = meant.values()
    return tuple(only.fields[name] for name in sorted(only.fields))


def _fields(map_: MapInstance) -> Iterator[tuple[str, str]]:
    """Yield (what the struct is called, the field in it) for each name of the map that has both."""
    for name in dict.fromkeys(each for each in (map_.path, map_.declared) if each):
        whole, _, last = name.rpartition(".")
        # main.cache is a variable of a package, and no field; m[...] is no field of its own.
        if "." in whole and last.isidentifier():
            yield whole, last


def _object(heap: GoHeap, map_: MapInstance) -> int | None:
    """Return where the object lies that has the word which leads to the map; None where that is a variable."""
    steps = (heap.survey.way(map_.address) or [])[1:]
    return int(steps[-1][0]) if steps else None


def _require_one(instance: _Instance, found: MapField, map_: MapInstance) -> None:
    """Raise UsageError where one field is two maps: several structs lie in one object, an array of them."""
    if found.map.address != map_.address:
        raise UsageError(
            f"several {instance.name} lie in one object, and nothing tells one from another: name their maps one by "
            f"one, as --map {found.map.address:#x}"
        )
