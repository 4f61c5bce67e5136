"""Objects that the linker laid among the global variables: ``var X = &T{…}`` leads to one, and it has no name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mapmedic.goheap.descriptors import ANY, Descriptor, Kind
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.roots import Root, RootKind, Roots
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.ways import Step, WayNames
from mapmedic.memory.reader import Address

_MOST_OBJECTS, _MOST_HOPS, _MOST_ELEMENTS = 1 << 16, 16, 1 << 16


@dataclass(frozen=True, slots=True)
class StaticObject:
    """``count`` values of type ``type`` (0: not known) from ``address`` on; the global word at ``held_at`` leads there.

    ``way`` is how the debug information knows it: a word of a variable, and the places on from there; None where
    it does not, as behind an interface.
    """

    address: int
    type: int
    bytes: int
    count: int
    held_at: int
    way: tuple[int, tuple[int, ...]] | None


@dataclass(frozen=True)
class StaticObjects:
    """All of a program that are known, by address."""

    objects: tuple[StaticObject, ...] = ()

    def variables(self) -> Iterator[tuple[int, int]]:
        """Yield (address, type) of each value in them whose type is known."""
        for each in self.objects:
            size = each.bytes // each.count
            for number in range(each.count if each.type else 0):
                yield each.address + number * size, each.type

    def from_variable(self, root: Root, steps: Sequence[Step]) -> tuple[Root, Sequence[Step]]:
        """Return the variable that leads to ``root``, and the way from there; both as they are for any other root."""
        for _ in range(_MOST_HOPS):
            found = self._around(root.at) if root.kind is RootKind.GLOBAL else None
            if found is None:
                break
            shape = "values" if found.type else "unknown"
            steps = ((found.address, root.at - found.address, shape, found.type), *steps)
            root = Root(RootKind.GLOBAL, Address(found.held_at))
        return root, steps

    def _around(self, address: int) -> StaticObject | None:
        place = bisect_right(self._starts, address) - 1
        found = self.objects[place] if place >= 0 else None
        return found if found is not None and address < found.address + found.bytes else None

    @cached_property
    def _starts(self) -> list[int]:
        return [each.address for each in self.objects]


def find_static_objects(
    ways: WayNames,
    runtime: Runtime,
    roots: Roots,
    interfaces: Sequence[tuple[int, int]],
    names: GlobalNames | None,
) -> StaticObjects:
    """Return what global variables lead to among themselves: by ``names``, or as ``interfaces`` say what they hold.

    ``interfaces`` are (root number, type).
    """
    return StaticObjects(_Search(ways, runtime, roots, dict(interfaces), names).run())


class _Search:
    """Goes from word to word of the global variables; only those that lead to global variables matter."""

    def __init__(
        self,
        ways: WayNames,
        runtime: Runtime,
        roots: Roots,
        interfaces: dict[int, int],
        names: GlobalNames | None,
    ) -> None:
        words = roots.words[: roots.first_of_stacks]
        inside = np.zeros(words.size, dtype=bool)
        for section in runtime.sections:
            inside |= (words >= np.uint64(section.start)) & (words < np.uint64(section.end))
        numbers = np.flatnonzero(inside)
        self.ways, self.names, self.types_start = ways, names, runtime.types
        self.at: list[int] = roots.addresses[numbers].tolist()
        self.words: list[int] = words[numbers].tolist()
        self.boxed = [interfaces.get(number, 0) for number in numbers.tolist()]

    def run(self) -> tuple[StaticObject, ...]:
        found: dict[int, StaticObject] = {}
        due = deque([self._from_variables()])
        while due and len(found) < _MOST_OBJECTS:
            for each in due.popleft():
                if each.address not in found:
                    found[each.address] = each
                    due.append(self._from_object(each))
        return tuple(found[address] for address in sorted(found))

    def _from_variables(self) -> Iterator[StaticObject]:
        for number, at in enumerate(self.at):
            named = self._by_names(number, (at, ()))
            yield from (each for each in (named or self._by_type(number, ANY),) if each is not None)

    def _from_object(self, object_: StaticObject) -> Iterator[StaticObject]:
        first = bisect_left(self.at, object_.address)
        for number in range(first, bisect_left(self.at, object_.address + object_.bytes)):
            offset = self.at[number] - object_.address
            way, type_ = object_.way, self.ways.descriptors.at(object_.type)
            target = self._by_names(number, (way[0], (*way[1], offset))) if way else None
            if target is None and type_ is not None and type_.size:
                leaf = self.ways.leaf(type_, offset % type_.size)
                target = None if leaf is None else self._by_type(number, leaf[1])
            if target is not None:
                yield target

    def _by_names(self, number: int, way: tuple[int, tuple[int, ...]]) -> StaticObject | None:
        """Return what word ``number`` leads to as the debug information has it."""
        found = self.names.target(*way) if self.names else None
        if found is None:
            return None
        kind, size, offset = found
        return self._object(number, kind, self.types_start + offset if offset else 0, size, way)

    def _by_type(self, number: int, leaf: Descriptor) -> StaticObject | None:
        """Return what word ``number``, of kind ``leaf``, leads to as types in memory have it."""
        descriptors = self.ways.descriptors
        boxed = descriptors.at(self.boxed[number]) if leaf.kind is Kind.INTERFACE else None
        if boxed is not None:
            to = descriptors.at(boxed.element) if boxed.kind is Kind.POINTER else boxed
        else:
            to = descriptors.at(leaf.element) if leaf.kind in (Kind.POINTER, Kind.SLICE) else None
        return self._object(number, leaf.kind, to.address, to.size, None) if to is not None else None

    def _object(
        self, number: int, kind: int, type_: int, size: int, way: tuple[int, tuple[int, ...]] | None
    ) -> StaticObject | None:
        at, count = self.at[number], 1
        if kind == Kind.SLICE:
            count = self.ways.descriptors.types.memory.word(at + 8) or 0
        if not size or not 0 < count <= _MOST_ELEMENTS:
            return None
        return StaticObject(self.words[number], type_, size * count, count, at, way)
