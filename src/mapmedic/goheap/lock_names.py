"""Locks beside a map in a global variable of which only the debug information says what is in it.

A struct that is a variable, and never anything else, has no description in the runtime's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.lock_fields import FieldLock
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.roots import Root, RootKind
from mapmedic.memory.reader import Address
from mapmedic.model.map_lock import LockKind

# The first word of a mutex: from Go 1.24 on sync.Mutex has one of internal/sync within.
_STATE, _STATE_WITHIN = "sync.Mutex.state", "internal/sync.Mutex.state"
# src/sync/rwmutex.go: w is its first field.
_WRITERS, _READERS, _READERS_AT = ".w", ".readerCount", 16
_REACH = 1 << 13
_WORD = 8


@dataclass(frozen=True, slots=True)
class _Place:
    """What the debug information says of a word: of which variable, the way to it from there, and the last field."""

    variable: str
    path: str
    declared: str


def locks_by_name(heap: GoHeap, names: GlobalNames, at: int) -> tuple[FieldLock, ...]:
    """Return the locks of the innermost struct that has any around the global word ``at``."""
    around = _Around.of(heap, names, at)
    own = around.place(0)
    if own is None:
        return ()
    found = list(around.locks(own.variable))
    level = own.path
    while level:
        level = level.rpartition(".")[0]
        beside = tuple(lock for lock in found if lock.path.rpartition(".")[0] == level)
        if beside:
            return beside
    return ()


@dataclass(frozen=True, slots=True)
class _Around:
    """The words around one global word, by how far they are from it."""

    names: GlobalNames
    word: int
    held_at: int
    places: tuple[int, ...]

    @classmethod
    def of(cls, heap: GoHeap, names: GlobalNames, word: int) -> _Around:
        root, steps = heap.statics.from_variable(Root(RootKind.GLOBAL, Address(word)), ())
        return cls(names, word, int(root.at), tuple(place for _, place, _, _ in steps))

    def place(self, distance: int) -> _Place | None:
        """Return what lies ``distance`` bytes from the word."""
        if self.places:
            last = self.places[-1] + distance
            known = self.names.follow(self.held_at, (*self.places[:-1], last)) if last >= 0 else None
        else:
            known = self.names.follow(self.held_at + distance, ())
        return None if known is None else _Place(known[0], known[1], known[2] or "")

    def locks(self, variable: str) -> Iterator[FieldLock]:
        """Yield the locks in the same variable."""
        for distance in range(-_REACH, _REACH, _WORD):
            place = self.place(distance)
            if place is None or place.variable != variable or not place.path.endswith(".state"):
                continue
            path = place.path.removesuffix(".state")
            if place.declared == _STATE_WITHIN:
                path = path.removesuffix(".mu")
            elif place.declared != _STATE:
                continue
            yield self._lock(path, distance, variable)

    def _lock(self, path: str, distance: int, variable: str) -> FieldLock:
        outer, readers = path.removesuffix(_WRITERS), self.place(distance + _READERS_AT)
        is_rw = outer != path and readers is not None and readers.path.startswith(f"{outer}{_READERS}")
        kind, field = (LockKind.RW_MUTEX, outer) if is_rw else (LockKind.MUTEX, path)
        return FieldLock(kind, self.word + distance, f"variable {variable}", field)
