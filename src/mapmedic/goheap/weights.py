"""How many bytes an entry of a map takes: its slot, and what its key and value lead to at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mapmedic.goheap.descriptors import Descriptor, Descriptors, Kind
from mapmedic.memory.reader import Address

_MOST_HOPS, _MOST_FIELDS, _MOST_DEPTH = 2, 64, 8
# A length beyond this is no length.
_MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class Weights:
    """Weighs values of one process: themselves, their texts and slices, and objects behind two pointers at most.

    What several entries share counts for each of them; maps and channels within are left out.
    """

    descriptors: Descriptors
    _parts: dict[int, tuple[tuple[int, Descriptor], ...]] = field(default_factory=dict)

    def of(self, kind: Descriptor, at: Address) -> int:
        """Return the bytes of the value of type ``kind`` at ``at``; 0 where there is none."""
        return kind.size + self._beside(kind, at, 0) if at else 0

    def _beside(self, kind: Descriptor, at: int, hops: int) -> int:
        return sum(self._part(part, at + offset, hops) for offset, part in self._leaves(kind))

    def _part(self, part: Descriptor, at: int, hops: int) -> int:
        memory = self.descriptors.types.memory
        if part.kind is Kind.STRING:
            return min(memory.word(at + 8) or 0, _MOST_BYTES)
        if part.kind is Kind.SLICE:
            inner = self.descriptors.at(part.element)
            return min((memory.word(at + 16) or 0) * (inner.size if inner else 0), _MOST_BYTES)
        to, target = self._behind(part, at)
        if to is None or not target or hops == _MOST_HOPS:
            return 0
        return to.size + self._beside(to, target, hops + 1)

    def _behind(self, part: Descriptor, at: int) -> tuple[Descriptor | None, int]:
        """Return the type of the object that a pointer, or an interface, leads to, and where that is."""
        memory = self.descriptors.types.memory
        if part.kind is Kind.POINTER:
            return self.descriptors.at(part.element), memory.word(at) or 0
        word = memory.word(at) or 0
        boxed = self.descriptors.at((memory.word(word + 8) or 0) if part.methods and word else word)
        if boxed is None:
            return None, 0
        if not boxed.is_direct:
            return boxed, memory.word(at + 8) or 0
        to = self.descriptors.at(boxed.element) if boxed.kind is Kind.POINTER else None
        return to, memory.word(at + 8) or 0

    def _leaves(self, kind: Descriptor) -> tuple[tuple[int, Descriptor], ...]:
        """Return what in a value leads to more: (offset, type) of texts, slices, pointers and interfaces."""
        if kind.address not in self._parts:
            self._parts[kind.address] = tuple(self._walk(kind, 0, 0))[:_MOST_FIELDS]
        return self._parts[kind.address]

    def _walk(self, kind: Descriptor | None, offset: int, depth: int) -> Iterator[tuple[int, Descriptor]]:
        if kind is None or depth > _MOST_DEPTH:
            return
        if kind.kind in (Kind.STRING, Kind.SLICE, Kind.POINTER, Kind.INTERFACE):
            yield offset, kind
        elif kind.kind is Kind.STRUCT:
            for each in kind.fields:
                yield from self._walk(self.descriptors.at(each.type), offset + each.offset, depth + 1)
        elif kind.kind is Kind.ARRAY:
            inner = self.descriptors.at(kind.element)
            for number in range(min(kind.length, _MOST_FIELDS) if inner else 0):
                yield from self._walk(inner, offset + number * (inner.size if inner else 0), depth + 1)
