"""The lock that guards a map, where it lies, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LockKind(StrEnum):
    """What kind of lock: its words say whether it is free (src/sync/mutex.go, rwmutex.go)."""

    MUTEX = "sync.Mutex"
    RW_MUTEX = "sync.RWMutex"


@dataclass(frozen=True, slots=True)
class MapLock:
    """A lock at ``address`` in the target; ``evidence`` is one sentence on how it was found to guard the map."""

    kind: LockKind
    address: int
    evidence: str


@dataclass(frozen=True, slots=True)
class MapLocks:
    """What is known of how one map is guarded.

    ``guards_itself``: nobody needs a lock of the program's (sync.Map). Otherwise ``locks`` all have to be free;
    where there is none, ``why_none`` is a sentence, and ``candidates`` may be it, but nothing shows that.
    """

    locks: tuple[MapLock, ...] = ()
    guards_itself: bool = False
    why_none: str = ""
    candidates: tuple[MapLock, ...] = ()
