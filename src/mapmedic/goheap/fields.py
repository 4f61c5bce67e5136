"""From a value to one of its fields by name, as Go itself would go: through pointers, interfaces, embedded structs.

The words read on the way are handed out, so that whoever acts on what was found can see later that they are the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from mapmedic.goheap.descriptors import Descriptor, Descriptors, Kind
from mapmedic.memory.reader import Memory

_WORD = 8
_MOST_HOPS, _MOST_EMBEDDED = 8, 6
TIME = "time.Time"


@dataclass(slots=True)
class Reading:
    """Reads of one entry, each kept: address and what lay there."""

    memory: Memory
    seen: list[tuple[int, bytes]] = field(default_factory=list)

    def read(self, address: int, size: int) -> bytes | None:
        """Return ``size`` bytes at ``address``; None where they are not there."""
        raw = self.memory.read(address, size)
        if raw is not None:
            self.seen.append((address, raw))
        return raw

    def word(self, address: int) -> int:
        """Return the word at ``address``; 0 for none."""
        return int.from_bytes(self.read(address, _WORD) or b"", "little")


# Types by their addresses alone: what a pointer of a field's path goes through.
_Steps = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Finds fields in values of one process."""

    descriptors: Descriptors
    _known: dict[tuple[int, str], tuple[_Steps, Descriptor] | None] = field(default_factory=dict)

    def leaf(self, start: Descriptor, names: tuple[str, ...]) -> Descriptor | str | None:
        """Return the type of the field that ``names`` lead to from ``start``.

        None where an interface hides what comes next; a sentence where there is no such field.
        """
        kind: Descriptor | None = start
        for name in (*names, ""):
            for _ in range(_MOST_HOPS):
                if kind is None or kind.kind is not Kind.POINTER:
                    break
                kind = self.descriptors.at(kind.element)
            if kind is None:
                return "a type on the way cannot be read"
            if kind.kind is Kind.INTERFACE or not name:
                return None if kind.kind is Kind.INTERFACE else kind
            found = self._field(kind, name)
            if found is None:
                return f"a {kind.name} has no field {name!r}{_has(kind)}"
            kind = found[1]
        return kind

    def find(
        self, reading: Reading, start: Descriptor, address: int, names: tuple[str, ...]
    ) -> tuple[Descriptor, int] | None:
        """Return the type of that field and where it lies in the value at ``address``; None where a nil is in between.

        None as well where what is there has no such field.
        """
        at = self._follow(reading, start, address)
        for name in names:
            found = None if at is None else self._field(at[0], name)
            if at is None or found is None:
                return None
            place = at[1]
            for offset, is_pointer in found[0]:
                place = reading.word(place + offset) if is_pointer else place + offset
                if not place:
                    return None
            at = self._follow(reading, found[1], place)
        return at

    def _follow(self, reading: Reading, kind: Descriptor, at: int) -> tuple[Descriptor, int] | None:
        """Go through pointers and interfaces."""
        inner: Descriptor | None = kind
        for _ in range(_MOST_HOPS):
            if inner is None or inner.kind not in (Kind.POINTER, Kind.INTERFACE):
                break
            if inner.kind is Kind.POINTER:
                at, inner = reading.word(at), self.descriptors.at(inner.element)
            else:
                inner, at = self.unboxed(reading, inner, at) or (None, 0)
            if not at:
                return None
        return None if inner is None else (inner, at)

    def unboxed(self, reading: Reading, kind: Descriptor, at: int) -> tuple[Descriptor | None, int] | None:
        """Return the type of what the interface at ``at`` holds (None: unreadable) and where it is; None for nil."""
        raw = reading.read(at, 2 * _WORD)
        table, data = struct.unpack("<2Q", raw) if raw else (0, 0)
        if not table:
            return None
        # With methods: a table whose second word is the type (src/internal/abi/iface.go).
        memory = self.descriptors.types.memory
        inner = self.descriptors.at((memory.word(table + _WORD) or 0) if kind.methods else table)
        return inner, at + _WORD if inner is not None and inner.is_direct else data

    def _field(self, struct_: Descriptor, name: str) -> tuple[_Steps, Descriptor] | None:
        key = (struct_.address, name)
        if key not in self._known:
            self._known[key] = self._search(struct_, name)
        return self._known[key]

    def _search(self, struct_: Descriptor, name: str) -> tuple[_Steps, Descriptor] | None:
        """Look in the struct, then in what is embedded, level by level; found twice in one is not found."""
        level: list[tuple[Descriptor, _Steps]] = [(struct_, ())]
        for _ in range(_MOST_EMBEDDED):
            found, below = [], []
            for of, steps in level:
                # What a time.Time is made of is nobody's to ask for.
                for each in of.fields if of.kind is Kind.STRUCT and of.name != TIME else ():
                    kind = self.descriptors.at(each.type)
                    if kind is not None and each.name == name:
                        found.append(((*steps, (each.offset, False)), kind))
                    inner, is_pointer = kind, False
                    if kind is not None and kind.kind is Kind.POINTER:
                        inner, is_pointer = self.descriptors.at(kind.element), True
                    if each.is_embedded and inner is not None:
                        below.append((inner, (*steps, (each.offset, is_pointer))))
            if found:
                return found[0] if len(found) == 1 else None
            level = below
        return None


def _has(kind: Descriptor) -> str:
    return f"; it has {', '.join(each.name for each in kind.fields[:20])}" if kind.fields else ""
