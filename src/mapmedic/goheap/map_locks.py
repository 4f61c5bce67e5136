"""The lock of a map: beside it in the struct that holds it, or the one that code is seen to hold where it touches it.

Where several may be it, all are told, and all have to be free. What only might be it is a candidate: a lock one
pointer up, or one that the code takes here and not there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mapmedic.goheap.allocated_types import allocated_types
from mapmedic.goheap.descriptors import Kind
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.lock_code import Held, LockCode
from mapmedic.goheap.lock_fields import FieldLock, LockFields
from mapmedic.goheap.lock_names import locks_by_name
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import Step
from mapmedic.goheap.roots import RootKind
from mapmedic.model.inventory import MapInstance
from mapmedic.model.map_lock import MapLock, MapLocks

GUARD_THEMSELVES = ("sync.Map", "hashtrie")
_MOST_HOLDERS = 4096
# Of a way: the root, and what it leads to.
_GLOBAL_AND_OBJECT = 2
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that leads to the map: a global variable, or ``offset`` bytes into the value of ``type`` at ``value``."""

    address: int
    is_global: bool
    type: int = 0
    value: int = 0
    is_type_by_code: bool = False

    @property
    def offset(self) -> int:
        return self.address - self.value


def find_locks(heap: GoHeap, map_: MapInstance, names: GlobalNames | None) -> MapLocks:
    """Return the locks that guard ``map_`` of ``heap``."""
    if map_.design in GUARD_THEMSELVES:
        return MapLocks(guards_itself=True)
    words = list(_words(heap, map_.address, names))
    fields = LockFields(heap.memory, heap.ways.descriptors)
    beside = [_beside(lock, word) for word in words for lock in _fields(heap, fields, word, names)]
    by_code = [_by_code(heap, word.address) for word in words if word.is_global]
    # What lies beside it and what the code takes should be one and the same: where they are not, both are asked.
    locks = _distinct([*beside, *(lock for each in by_code for lock in each.locks)])
    if locks:
        return MapLocks(locks)
    candidates = [lock for each in by_code for lock in each.candidates]
    candidates += map(_above, _one_pointer_up(heap, map_.address, fields))
    why = [each.why_none for each in by_code] or [_nobody(words)]
    return MapLocks(why_none="; ".join(dict.fromkeys(why)), candidates=_distinct(candidates))


def _words(heap: GoHeap, address: int, names: GlobalNames | None) -> Iterator[_Word]:
    """Yield the words of global variables and of the heap that lead to the map; those of stacks are passing."""
    memory, variables = heap.memory, _typed_variables(heap, names)
    for at in memory.find(struct.pack("<Q", address), 0, 1 << 47, align=8, most=_MOST_HOLDERS):
        if any(section.start <= at < section.end for section in heap.runtime.sections):
            yield _global_word(heap, at, variables)
        else:
            yield from _heap_words(heap, at)


def _fields(
    heap: GoHeap, fields: LockFields, word: _Word, names: GlobalNames | None
) -> tuple[FieldLock, ...]:
    """Return the locks beside ``word``, by the types in memory or, where there are none, by the debug information."""
    if word.type:
        return fields.beside(word.type, word.value, word.offset)
    return locks_by_name(heap, names, word.address) if names and word.is_global else ()


def _heap_words(heap: GoHeap, at: int) -> Iterator[_Word]:
    """Yield the word with the type of its object; not where that is garbage, or no map by its type."""
    way = heap.survey.way_into(at)
    if not way:
        return
    object_, place, shape, type_ = way[-1]
    if object_ + place != at:
        yield _Word(at, is_global=False)
    elif shape != "values":
        yield _Word(at, is_global=False, type=_allocated_type(heap, way), value=object_, is_type_by_code=True)
    elif _is_map_at(heap, type_, place):
        yield _Word(at, is_global=False, type=type_, value=object_)


def _is_map_at(heap: GoHeap, type_: int, place: int) -> bool:
    kind = heap.ways.descriptors.at(type_)
    leaf = heap.ways.leaf(kind, place % kind.size) if kind is not None and kind.size else None
    return leaf is not None and leaf[1].kind is Kind.MAP


def _allocated_type(heap: GoHeap, way: Sequence[Step]) -> int:
    """Return the type of an object that a global leads to: what the code that sets the global makes; 0 for none.

    Only where one type alone has a map at that place.
    """
    (_, number, _, _), (_, place, _, _) = way[0], way[-1]
    root = heap.roots.root(number)
    if len(way) != _GLOBAL_AND_OBJECT or root.kind is not RootKind.GLOBAL:
        return 0
    made = allocated_types(heap.memory, heap.labels, root.at)
    fitting = [type_ for type_ in made if _ends_behind(heap, type_, place) and _is_map_at(heap, type_, place)]
    return fitting[0] if len(fitting) == 1 else 0


def _ends_behind(heap: GoHeap, type_: int, place: int) -> bool:
    kind = heap.ways.descriptors.at(type_)
    return kind is not None and kind.kind is Kind.STRUCT and place < kind.size


def _typed_variables(heap: GoHeap, names: GlobalNames | None) -> list[tuple[int, int]]:
    """Return (address, type) of the global variables and static objects whose type is known, by address."""
    named = [(at, heap.runtime.types + kind) for at, kind in names.types()] if names else []
    return sorted([*named, *heap.statics.variables()])


def _global_word(heap: GoHeap, at: int, variables: Sequence[tuple[int, int]]) -> _Word:
    before = [each for each in variables if each[0] <= at]
    kind = heap.ways.descriptors.at(before[-1][1]) if before else None
    if kind is not None and at < before[-1][0] + kind.size:
        return _Word(at, is_global=True, type=kind.address, value=before[-1][0])
    return _Word(at, is_global=True)


def _one_pointer_up(heap: GoHeap, address: int, fields: LockFields) -> Iterator[FieldLock]:
    """Yield the locks beside the pointer that leads to what holds the map."""
    way = heap.survey.way(address)
    if way and len(way) > 2:
        object_, place, shape, type_ = way[-2]
        if shape == "values":
            yield from fields.beside(type_, object_, place)


def _by_code(heap: GoHeap, variable: int) -> MapLocks:
    """Return the locks that all code that locks around the global ``variable`` has in common."""
    seen = LockCode(heap.memory, heap.labels).holding(variable)
    locking = [each for each in seen if each.locks]
    elsewhere = [each for each in seen if each.others and not each.locks]
    kinds = {address: kind for each in locking for address, kind in each.locks.items()}
    common = set(kinds).intersection(*(each.locks for each in locking))
    if common and not elsewhere:
        said = f"{_named(locking)} {'take' if len(locking) > 1 else 'takes'} it around the map"
        return MapLocks(tuple(MapLock(kinds[at], at, said) for at in sorted(common)))
    candidates = [
        MapLock(
            kinds[at], at, f"{_named([e for e in locking if at in e.locks])}, and not all that touch the map"
        )
        for at in sorted(kinds)
    ]
    return MapLocks(why_none=_why(seen, locking, elsewhere), candidates=tuple(candidates))


def _why(seen: list[Held], locking: list[Held], elsewhere: list[Held]) -> str:
    if not seen:
        return "no code names the variable that holds it"
    if locking and elsewhere:
        return f"{_named(locking)} and {_named(elsewhere)} lock different things around it"
    if locking:
        return f"{_named(locking)} have no lock in common around it"
    if elsewhere:
        return f"{_named(elsewhere)} hold a lock around it that is no global variable"
    return f"{_named(seen)} hold no lock of package sync around it"


def _named(functions: Sequence[Held]) -> str:
    names = [each.function for each in functions]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def _nobody(words: Sequence[_Word]) -> str:
    if not words:
        return "no global variable and no object of the heap holds it"
    return "what holds it has no lock of package sync, or its type is not known"


def _beside(lock: FieldLock, word: _Word) -> MapLock:
    said = f"{lock.path} lies in the same {lock.holder} as the map"
    how = ", which is what the code that sets the variable allocates" if word.is_type_by_code else ""
    return MapLock(lock.kind, lock.address, f"{said}{how}")


def _above(lock: FieldLock) -> MapLock:
    said = f"{lock.path} lies in the {lock.holder} that leads to what holds the map"
    return MapLock(lock.kind, lock.address, said)


def _distinct(locks: Iterable[MapLock]) -> tuple[MapLock, ...]:
    first: dict[int, MapLock] = {}
    for lock in locks:
        first.setdefault(lock.address, lock)
    return tuple(first.values())
