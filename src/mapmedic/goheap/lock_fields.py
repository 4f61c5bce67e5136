"""Locks beside a map: fields of the struct that holds it, by the runtime's type descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic.goheap.descriptors import Descriptor, Descriptors, Kind
from mapmedic.memory.reader import Memory
from mapmedic.model.map_lock import LockKind

_MOST_DEPTH = 16
_KINDS = {kind.value: kind for kind in LockKind}
# What a sync.Locker may be; src/sync/rwmutex.go: an rlocker is the RWMutex itself under another name.
_POINTERS = {f"*{name}": kind for name, kind in _KINDS.items()} | {"*sync.rlocker": LockKind.RW_MUTEX}
_LOCKER = "sync.Locker"
# src/internal/abi/iface.go, ITab: the interface's type, then that of what is in it.
_ITAB_TYPE = 8


@dataclass(frozen=True, slots=True)
class FieldLock:
    """A lock that a struct holds: ``path`` from there (``.mu``), ``holder``: what the struct is called."""

    kind: LockKind
    address: int
    holder: str
    path: str


@dataclass(frozen=True, slots=True)
class LockFields:
    """Finds locks in values in memory."""

    memory: Memory
    descriptors: Descriptors

    def beside(self, type_: int, value: int, offset: int) -> tuple[FieldLock, ...]:
        """Return the locks of the innermost struct that has any around what lies ``offset`` bytes into ``value``.

        ``type_`` is that of the value, or of each of several that lie there in a row.
        """
        for struct, at in reversed(list(self._around(type_, value, offset))):
            found = tuple(self._of(struct, at))
            if found:
                return found
        return ()

    def _around(self, type_: int, value: int, offset: int) -> Iterator[tuple[Descriptor, int]]:
        """Yield each struct around the place, with its address, the outermost first."""
        kind = self.descriptors.at(type_)
        at = value
        for _ in range(_MOST_DEPTH):
            if kind is None or not kind.size:
                return
            at += offset // kind.size * kind.size
            offset %= kind.size
            if kind.kind is Kind.ARRAY:
                kind = self.descriptors.at(kind.element)
            elif kind.kind is Kind.STRUCT:
                yield kind, at
                inner = [each for each in kind.fields if each.offset <= offset]
                if not inner:
                    return
                at, offset = at + inner[-1].offset, offset - inner[-1].offset
                kind = self.descriptors.at(inner[-1].type)
            else:
                return

    def _of(self, struct: Descriptor, at: int) -> Iterator[FieldLock]:
        for field in struct.fields:
            found = self._lock(field.type, at + field.offset)
            if found is not None:
                yield FieldLock(*found, holder=struct.name, path=f".{field.name}")

    def _lock(self, type_: int, at: int, depth: int = 0) -> tuple[LockKind, int] | None:
        """Return the lock that the value at ``at`` is, leads to, or is nothing but."""
        kind = self.descriptors.at(type_)
        if kind is None:
            return None
        if kind.kind is Kind.STRUCT and kind.name in _KINDS:
            return _KINDS[kind.name], at
        if kind.kind is Kind.POINTER and kind.name in _POINTERS:
            return self._behind(_POINTERS[kind.name], at)
        if kind.name == _LOCKER:
            return self._locker(at)
        # A program's own type around a lock; sync.Once and its like have a lock for themselves, and more beside it.
        parts = [each for each in kind.fields if (self.descriptors.at(each.type) or kind).size]
        if len(parts) == 1 and depth < _MOST_DEPTH:
            return self._lock(parts[0].type, at + parts[0].offset, depth + 1)
        return None

    def _locker(self, at: int) -> tuple[LockKind, int] | None:
        words = self.memory.words(at, "2Q")
        type_ = self.memory.word(words[0] + _ITAB_TYPE) if words and words[0] else None
        kind = self.descriptors.at(type_) if type_ else None
        if kind is None or kind.name not in _POINTERS:
            return None
        return self._behind(_POINTERS[kind.name], at + 8)

    def _behind(self, kind: LockKind, at: int) -> tuple[LockKind, int] | None:
        address = self.memory.word(at)
        return (kind, address) if address else None
