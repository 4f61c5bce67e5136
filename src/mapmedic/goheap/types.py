"""Names and fields out of the runtime's type descriptors (src/internal/abi/type.go)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapmedic.memory.reader import Memory

_STR, _TFLAG, _KIND, _HEADER = 40, 20, 23, 48
_EXTRA_STAR = 1 << 1
_KIND_MASK = (1 << 5) - 1
_STRUCT, _ARRAY = 25, 17
_FIELD_BYTES = 24
_MOST_FIELDS = 1 << 12
_MOST_NAME_BYTES = 1 << 14
_MOST_DEPTH = 16


# What lies within these is their own matter: ways end at them.
CONTAINERS = ("sync.Map", "sync.Pool", "sync.HashTrieMap[")


@dataclass(frozen=True, slots=True)
class _Field:
    """The path to what lies somewhere in a value, and its last part from a struct with a name on."""

    path: str
    declared: str | None


@dataclass(frozen=True, slots=True)
class Types:
    """Reads type descriptors of one process; ``base`` is where name offsets count from."""

    memory: Memory
    base: int
    _names: dict[int, str | None] = field(default_factory=dict)
    _fields: dict[tuple[int, int], _Field | None] = field(default_factory=dict)
    _headers: dict[int, tuple[int, int] | None] = field(default_factory=dict)

    def name(self, address: int) -> str | None:
        """Return the name of the type at ``address`` as Go prints it; None where it cannot be read."""
        if address not in self._names:
            self._names[address] = self._read_name(address)
        return self._names[address]

    def map_name(self, map_type: int, bucket_type: int) -> str | None:
        """Return a map's type: its own name, or the one that its groups or buckets are named after."""
        if map_type:
            return self.name(map_type)
        name = self.name(bucket_type) if bucket_type else None
        for prefix in ("map.group[", "map.bucket["):
            if name is not None and name.startswith(prefix):
                return "map[" + name[len(prefix) :]
        return None

    def size(self, address: int) -> tuple[int, int] | None:
        """Return (size, bytes of it that may hold pointers) of the type at ``address``; None where unreadable."""
        return self.memory.words(address, "2Q") if address else None  # type: ignore[return-value]

    def bucket_type(self, map_type: int) -> int:
        """Return the type of the buckets or groups of a map type; 0 where none is known."""
        return (self.memory.word(map_type + _HEADER + 16) or 0) if map_type else 0

    def slot_types(self, map_type: int) -> tuple[int, ...]:
        """Return the types of key and element as declared, where the map's own type is known."""
        return (self.memory.words(map_type + _HEADER, "2Q") or ()) if map_type else ()

    def field_path(self, address: int, offset: int) -> str | None:
        """Return ``.field.inner`` for what lies ``offset`` bytes into values of the type at ``address``."""
        found = self._field(address, offset)
        return None if found is None else found.path

    def declared_field(self, address: int, offset: int) -> str | None:
        """Return ``main.shard.m``: the innermost struct with a name on that path, and the path from there on.

        None where there is none.
        """
        found = self._field(address, offset)
        return None if found is None else found.declared

    def _field(self, address: int, offset: int) -> _Field | None:
        head = self._header(address)
        if head is None:
            return None
        key = (address, offset % (head[0] or 1))
        if key not in self._fields:
            self._fields[key] = self._read_field(*key)
        return self._fields[key]

    def _read_field(self, address: int, offset: int) -> _Field | None:
        path: list[str] = []
        struct, behind = None, 0
        for _ in range(_MOST_DEPTH):
            head = self._header(address)
            if head is None:
                return None
            size, kind = head
            offset %= size or 1
            if kind == _ARRAY:
                address = self.memory.word(address + _HEADER) or 0
                inner = self._header(address)
                if inner is None or not inner[0]:
                    return None
                path.append(f"[{offset // inner[0]}]")
                offset %= inner[0]
            elif kind == _STRUCT and not (self.name(address) or "").startswith(CONTAINERS):
                found = self._field_at(address, offset)
                if found is None:
                    return None
                if _is_declared(own := self.name(address)):
                    struct, behind = own, len(path)
                name, start, address = found
                path.append(f".{name}")
                offset -= start
            else:
                break
        declared = struct and f"{struct}{''.join(path[behind:])}"
        return _Field("".join(path), declared)

    def _header(self, address: int) -> tuple[int, int] | None:
        """Return (size, kind) of the type at ``address``."""
        if address not in self._headers:
            raw = self.memory.read(address, _HEADER)
            known = None if raw is None else (int.from_bytes(raw[:8], "little"), raw[_KIND] & _KIND_MASK)
            self._headers[address] = known
        return self._headers[address]

    def _field_at(self, address: int, offset: int) -> tuple[str, int, int] | None:
        """Return (name, offset, type) of the last field of a struct that begins at or before ``offset``."""
        fields = self.memory.words(address + _HEADER + 8, "2Q")
        if fields is None or not 0 < fields[1] <= _MOST_FIELDS:
            return None
        found = None
        for index in range(fields[1]):
            words = self.memory.words(fields[0] + index * _FIELD_BYTES, "3Q")
            if words is None:
                return None
            if words[2] <= offset:
                found = (self.text(words[0]) or "?", words[2], words[1])
        return found

    def _read_name(self, address: int) -> str | None:
        raw = self.memory.read(address, _HEADER)
        if raw is None:
            return None
        offset = int.from_bytes(raw[_STR : _STR + 4], "little", signed=True)
        text = self.text(self.base + offset)
        return text[1:] if text and raw[_TFLAG] & _EXTRA_STAR else text

    def text(self, address: int) -> str | None:
        """Return a name: a byte of flags, the length as a varint, the bytes."""
        head = self.memory.read(address, 3)
        if head is None:
            return None
        length, skip = head[1] & 0x7F, 2
        if head[1] & 0x80:
            length, skip = length | head[2] << 7, 3
        raw = self.memory.read(address + skip, length) if length <= _MOST_NAME_BYTES else None
        return None if raw is None else raw.decode("utf-8", "replace")


def _is_declared(name: str | None) -> bool:
    """Tell whether a program declares a struct of that name: not the compiler, and not in the place of use."""
    return name is not None and "." in name and not name.startswith(("map.", "struct "))
