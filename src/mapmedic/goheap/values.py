"""Go values out of memory, by their type descriptors. Whatever lies there: every length and depth is bounded."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from mapmedic.goheap.descriptors import SIGNED, UNSIGNED, Descriptor, Descriptors, Kind
from mapmedic.goheap.moments import duration_text, time_text
from mapmedic.memory.reader import Memory
from mapmedic.model.go_values import (
    Boxed,
    Elements,
    GoValue,
    Plain,
    Pointer,
    Said,
    Struct,
    Text,
    Unreadable,
)

_FORMATS = {
    Kind.BOOL: "?", Kind.INT: "q", Kind.INT8: "b", Kind.INT16: "h", Kind.INT32: "i", Kind.INT64: "q",
    Kind.UINT: "Q", Kind.UINT8: "B", Kind.UINT16: "H", Kind.UINT32: "I", Kind.UINT64: "Q", Kind.UINTPTR: "Q",
    Kind.FLOAT32: "f", Kind.FLOAT64: "d", Kind.COMPLEX64: "2f", Kind.COMPLEX128: "2d",
}  # fmt: skip
_LEAST_POINTER, _MOST_POINTER = 4096, 1 << 47
_UUID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far one value is looked into. ``values``: parts of it in all; ``pointers``: one behind the other."""

    text_bytes: int = 256
    elements: int = 8
    fields: int = 64
    depth: int = 12
    pointers: int = 3
    values: int = 512


@dataclass(slots=True)
class _Looking:
    """One value being read: what may still be spent, and the pointers on the way to here."""

    left: int
    way: list[tuple[int, int]] = field(default_factory=list)


class Decoder:
    """Reads values of one process."""

    def __init__(self, descriptors: Descriptors, bounds: Bounds = Bounds()) -> None:
        self.descriptors = descriptors
        self.memory: Memory = descriptors.types.memory
        self.bounds = bounds
        self._by_kind: dict[Kind, Callable[[Descriptor, int, _Looking, int], GoValue]] = {
            Kind.STRING: self._string,
            Kind.STRUCT: self._struct,
            Kind.ARRAY: self._array,
            Kind.SLICE: self._slice,
            Kind.POINTER: self._pointer,
            Kind.INTERFACE: self._interface,
            Kind.MAP: self._map,
            Kind.CHAN: self._channel,
            Kind.FUNC: self._function,
            Kind.UNSAFE_POINTER: self._function,
        }

    def value(self, kind: Descriptor, address: int) -> GoValue:
        """Return the value of type ``kind`` at ``address``."""
        return self._value(kind, address, _Looking(self.bounds.values), 0)

    def _value(self, kind: Descriptor | None, address: int, looking: _Looking, depth: int) -> GoValue:
        looking.left -= 1
        if kind is None:
            return Unreadable(address, "its type cannot be read")
        if looking.left < 0 or depth > self.bounds.depth:
            return Unreadable(address, "not looked at: too much in one value")
        if kind.kind in _FORMATS:
            return self._number(kind, address)
        return self._by_kind[kind.kind](kind, address, looking, depth)

    def _number(self, kind: Descriptor, address: int) -> GoValue:
        if kind.kind is Kind.BOOL:
            byte = self.memory.read(address, 1)
            return Unreadable(address, "no memory") if byte is None else Plain(kind.name, byte != b"\0")
        words = self.memory.words(address, _FORMATS[kind.kind])
        if words is None:
            return Unreadable(address, "no memory")
        if len(words) == 2:
            return Plain(kind.name, f"({words[0]:g}{words[1]:+g}i)")
        if kind.name == "time.Duration":
            return Said(kind.name, duration_text(words[0]))
        number = words[0]
        is_odd = isinstance(number, float) and not math.isfinite(number)
        return Plain(kind.name, str(number) if is_odd else _short_float(kind.kind, number))

    def _string(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        del looking, depth
        words = self.memory.words(address, "Qq")
        if words is None:
            return Unreadable(address, "no memory")
        return self._text(kind.name, words[0], words[1])

    def _text(self, name: str, start: int, length: int) -> GoValue:
        if length == 0:
            return Text(name, "", 0, is_whole=True)
        shown = min(length, self.bounds.text_bytes)
        raw = self.memory.read(start, shown) if 0 < length < _MOST_POINTER else None
        if raw is None:
            return Unreadable(start, f"no text of {length:,} bytes")
        return Text(name, _decoded(raw, cut=shown < length), length, is_whole=shown == length)

    def _struct(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        if kind.name == "time.Time":
            moment = time_text(self.memory, address)
            return Unreadable(address, "no time") if moment is None else Said(kind.name, moment)
        shown = kind.fields[: self.bounds.fields]
        fields = tuple(
            (
                each.name,
                self._value(self.descriptors.at(each.type), address + each.offset, looking, depth + 1),
            )
            for each in shown
        )
        return Struct(kind.name, fields, len(kind.fields) - len(shown))

    def _array(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        element = self.descriptors.at(kind.element)
        if element is None:
            return Unreadable(address, "its type cannot be read")
        if element.kind is Kind.UINT8:
            raw = self.memory.read(address, min(kind.length, self.bounds.text_bytes))
            if raw is None:
                return Unreadable(address, "no memory")
            return Said(kind.name, _uuid(raw) if kind.length == _UUID_BYTES else "0x" + raw.hex())
        first = self._elements(element, address, kind.length, looking, depth)
        return Elements(kind.name, kind.length, None, first)

    def _elements(
        self, element: Descriptor, address: int, length: int, looking: _Looking, depth: int
    ) -> tuple[GoValue, ...]:
        shown = range(min(length, self.bounds.elements))
        return tuple(self._value(element, address + i * element.size, looking, depth + 1) for i in shown)

    def _slice(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        words = self.memory.words(address, "Qqq")
        element = self.descriptors.at(kind.element)
        if words is None or element is None:
            return Unreadable(address, "no memory" if words is None else "its type cannot be read")
        start, length, capacity = words
        if not 0 <= length <= capacity < _MOST_POINTER or (start == 0 and capacity):
            return Unreadable(address, f"no slice: {length:,} of {capacity:,} elements")
        if start == 0:
            return Plain(kind.name, None)
        if element.kind is Kind.UINT8:
            return self._bytes(kind.name, start, length)
        return Elements(kind.name, length, capacity, self._elements(element, start, length, looking, depth))

    def _bytes(self, name: str, start: int, length: int) -> GoValue:
        shown = min(length, self.bounds.text_bytes)
        raw = self.memory.read(start, shown)
        if raw is None:
            return Unreadable(start, f"no {length:,} bytes")
        text = _decoded(raw, cut=shown < length)
        return Text(name, text if text.isprintable() else "0x" + raw.hex(), length, is_whole=shown == length)

    def _pointer(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        to = self.memory.word(address)
        if to is None:
            return Unreadable(address, "no memory")
        return self._pointed(kind, to, looking, depth)

    def _pointed(self, kind: Descriptor, to: int, looking: _Looking, depth: int) -> GoValue:
        if to == 0:
            return Plain(kind.name, None)
        if not _LEAST_POINTER <= to < _MOST_POINTER:
            return Unreadable(to, "no pointer")
        if (to, kind.element) in looking.way:
            return Pointer(kind.name, to, None, is_cycle=True)
        if len(looking.way) >= self.bounds.pointers:
            return Pointer(kind.name, to, None)
        looking.way.append((to, kind.element))
        value = self._value(self.descriptors.at(kind.element), to, looking, depth + 1)
        looking.way.pop()
        return Pointer(kind.name, to, value)

    def _interface(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        words = self.memory.words(address, "2Q")
        if words is None:
            return Unreadable(address, "no memory")
        if words[0] == 0:
            return Boxed(kind.name, None)
        # With methods: a table whose second word is the type (src/internal/abi/iface.go).
        type_ = words[0] if kind.methods == 0 else self.memory.word(words[0] + 8)
        inner = self.descriptors.at(type_ or 0)
        if inner is None:
            return Unreadable(address, "the type in the interface cannot be read")
        at = address + 8 if inner.is_direct else words[1]
        return Boxed(kind.name, self._value(inner, at, looking, depth + 1))

    def _map(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        del looking, depth
        return self._counted(kind, address, "Q", lambda words: f"len {words[0]:,}")

    def _channel(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        del looking, depth
        return self._counted(kind, address, "2Q", lambda words: f"len {words[0]:,}, cap {words[1]:,}")

    def _counted(
        self, kind: Descriptor, address: int, layout: str, say: Callable[[tuple[int, ...]], str]
    ) -> GoValue:
        to = self.memory.word(address)
        if to is None:
            return Unreadable(address, "no memory")
        if to == 0:
            return Plain(kind.name, None)
        words = self.memory.words(to, layout)
        return Unreadable(to, "no memory") if words is None else Said(kind.name, say(words))

    def _function(self, kind: Descriptor, address: int, looking: _Looking, depth: int) -> GoValue:
        del looking, depth
        to = self.memory.word(address)
        if to is None:
            return Unreadable(address, "no memory")
        return Plain(kind.name, None) if to == 0 else Pointer(kind.name, to, None)


def _short_float(kind: Kind, number: float | int) -> float | int:
    """Return the shortest number that is the same float32: as Go prints it."""
    if kind is not Kind.FLOAT32:
        return number
    for digits in range(6, 10):
        short = float(f"{number:.{digits}g}")
        if struct.pack("<f", short) == struct.pack("<f", number):
            return short
    return number


def _decoded(raw: bytes, *, cut: bool) -> str:
    """Return ``raw`` as text; of one that was cut the last character may be broken, and is left out."""
    if cut:
        for dropped in range(4):
            try:
                return raw[: len(raw) - dropped].decode("utf-8")
            except UnicodeDecodeError:
                continue
    return raw.decode("utf-8", "backslashreplace")


def _uuid(raw: bytes) -> str:
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


INTEGERS = SIGNED | UNSIGNED
