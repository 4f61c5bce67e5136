"""Keys that may be unequal to themselves: a NaN is in them. No delete finds them, so none is made for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic.goheap.descriptors import Descriptor, Kind
from mapmedic.goheap.fields import Fields, Reading

# What a number is made of.
_FLOATS = {Kind.FLOAT32: "<f", Kind.FLOAT64: "<d", Kind.COMPLEX64: "<2f", Kind.COMPLEX128: "<2d"}
_INNER = frozenset((*_FLOATS, Kind.STRUCT, Kind.ARRAY, Kind.INTERFACE))
_MOST_PARTS = 4096


@dataclass(frozen=True, slots=True)
class OddKeys:
    """Tells them among keys of type ``key``."""

    fields: Fields
    key: Descriptor

    def may_differ(self, reading: Reading, address: int) -> bool:
        """Tell whether the key at ``address`` may be unequal to itself; one that cannot be read may."""
        parts: list[tuple[Descriptor | None, int]] = [(self.key, address)]
        for _ in range(_MOST_PARTS):
            if not parts:
                return False
            kind, at = parts.pop()
            if kind is None or (kind.kind in _FLOATS and _is_nan(reading, kind, at)):
                return True
            parts += self._parts(reading, kind, at)
        return True

    def _parts(self, reading: Reading, kind: Descriptor, at: int) -> Iterator[tuple[Descriptor | None, int]]:
        at_ = self.fields.descriptors.at
        if kind.kind is Kind.STRUCT:
            for each in kind.fields:
                yield at_(each.type), at + each.offset
        elif kind.kind is Kind.ARRAY:
            inner = at_(kind.element)
            if inner is None or inner.kind in _INNER:
                size = inner.size if inner else 0
                yield from ((inner, at + number * size) for number in range(min(kind.length, _MOST_PARTS)))
        elif kind.kind is Kind.INTERFACE:
            found = self.fields.unboxed(reading, kind, at)
            if found is not None:
                yield found


def _is_nan(reading: Reading, kind: Descriptor, at: int) -> bool:
    raw = reading.read(at, kind.size)
    return raw is None or any(math.isnan(number) for number in struct.unpack(_FLOATS[kind.kind], raw))
