"""Type descriptors whole, with what they are made of (src/internal/abi/type.go), each read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from mapmedic.goheap.types import Types

_TFLAG, _KIND, _HEADER = 20, 23, 48
_KIND_MASK = (1 << 5) - 1
# In Kind_ up to Go 1.25, in TFlag from 1.26: an interface holds the value itself.
_DIRECT = 1 << 5
_FIELD_BYTES = 24
# Of the byte before a field's name.
_EMBEDDED = 1 << 3
_MOST_FIELDS = 1 << 12
_MOST_SIZE = 1 << 46


class Kind(IntEnum):
    """reflect.Kind."""

    BOOL = 1
    INT = 2
    INT8 = 3
    INT16 = 4
    INT32 = 5
    INT64 = 6
    UINT = 7
    UINT8 = 8
    UINT16 = 9
    UINT32 = 10
    UINT64 = 11
    UINTPTR = 12
    FLOAT32 = 13
    FLOAT64 = 14
    COMPLEX64 = 15
    COMPLEX128 = 16
    ARRAY = 17
    CHAN = 18
    FUNC = 19
    INTERFACE = 20
    MAP = 21
    POINTER = 22
    SLICE = 23
    STRING = 24
    STRUCT = 25
    UNSAFE_POINTER = 26


SIGNED = frozenset((Kind.INT, Kind.INT8, Kind.INT16, Kind.INT32, Kind.INT64))
UNSIGNED = frozenset((Kind.UINT, Kind.UINT8, Kind.UINT16, Kind.UINT32, Kind.UINT64, Kind.UINTPTR))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct: its name, where it lies, the address of its type, whether it is embedded."""

    name: str
    offset: int
    type: int
    is_embedded: bool = False


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One type. ``element`` is the address of what an array, channel, pointer or slice is of, 0 for the rest."""

    address: int
    name: str
    size: int
    kind: Kind
    is_direct: bool
    element: int = 0
    length: int = 0
    methods: int = 0
    fields: tuple[Field, ...] = ()


ANY = Descriptor(0, "interface {}", 16, Kind.INTERFACE, is_direct=False)
"""The type of what a sync.Map holds, where the program itself has no descriptor for it."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The descriptors of one process by address."""

    types: Types
    _known: dict[int, Descriptor | None] = field(default_factory=dict)

    def at(self, address: int) -> Descriptor | None:
        """Return the descriptor at ``address``; None where what lies there cannot be one."""
        if address not in self._known:
            self._known[address] = self._read(address)
        return self._known[address]

    def _read(self, address: int) -> Descriptor | None:
        raw = self.types.memory.read(address, _HEADER) if address and address % 8 == 0 else None
        if raw is None:
            return None
        size, kind = int.from_bytes(raw[:8], "little"), raw[_KIND] & _KIND_MASK
        if size >= _MOST_SIZE or not Kind.BOOL <= kind <= Kind.UNSAFE_POINTER:
            return None
        direct = bool((raw[_KIND] | raw[_TFLAG]) & _DIRECT)
        return self._with_parts(address, self.types.name(address) or "?", size, Kind(kind), direct)

    def _with_parts(self, address: int, name: str, size: int, kind: Kind, direct: bool) -> Descriptor | None:
        behind = address + _HEADER
        if kind in (Kind.ARRAY, Kind.CHAN, Kind.POINTER, Kind.SLICE):
            words = self.types.memory.words(behind, "3Q" if kind is Kind.ARRAY else "Q")
            if words is None:
                return None
            return Descriptor(address, name, size, kind, direct, words[0], words[2] if len(words) > 2 else 0)
        if kind is Kind.INTERFACE:
            methods = self.types.memory.word(behind + 16) or 0
            return Descriptor(address, name, size, kind, direct, methods=methods)
        if kind is Kind.STRUCT:
            fields = self._fields(behind, size)
            return None if fields is None else Descriptor(address, name, size, kind, direct, fields=fields)
        return Descriptor(address, name, size, kind, direct)

    def _fields(self, behind: int, size: int) -> tuple[Field, ...] | None:
        head = self.types.memory.words(behind + 8, "2Q")
        if head is None or head[1] > _MOST_FIELDS:
            return None
        fields = []
        for index in range(head[1]):
            words = self.types.memory.words(head[0] + index * _FIELD_BYTES, "3Q")
            if words is None or words[2] > size:
                return None
            flags = self.types.memory.read(words[0], 1) or b"\0"
            name = self.types.text(words[0]) or "?"
            fields.append(Field(name, words[2], words[1], bool(flags[0] & _EMBEDDED)))
        return tuple(fields)
