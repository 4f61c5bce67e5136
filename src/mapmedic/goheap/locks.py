"""Whether a lock is free: nobody has passed it and not come back (src/sync/mutex.go, rwmutex.go; internal/sync)."""

from __future__ import annotations

import struct

from mapmedic.memory.reader import Place
from mapmedic.model.map_lock import LockKind, MapLock

# Mutex: state int32, sema uint32. Who is only waiting, woken or promised the lock has not passed it.
_MUTEX_LOCKED = 1
_MUTEX_BYTES = 8
# RWMutex: w Mutex, writerSem, readerSem uint32, readerCount, readerWait int32.
_RW_MUTEX_BYTES = 24


def lock_place(lock: MapLock) -> Place:
    """Return what is to be read of ``lock``."""
    return lock.address, _MUTEX_BYTES if lock.kind is LockKind.MUTEX else _RW_MUTEX_BYTES


def why_taken(lock: MapLock, raw: bytes | None) -> str | None:
    """Return who has ``lock`` by its words ``raw``, None for nobody."""
    if raw is None:
        return f"the lock at {lock.address:#x} cannot be read"
    if int.from_bytes(raw[:4], "little") & _MUTEX_LOCKED:
        return f"the {lock.kind} at {lock.address:#x} is held"
    if lock.kind is LockKind.MUTEX:
        return None
    readers, waited_for = struct.unpack_from("<2i", raw, 16)
    if readers < 0:
        return f"the {lock.kind} at {lock.address:#x} is held, or being taken, by a writer"
    if readers or waited_for:
        return f"the {lock.kind} at {lock.address:#x} has {max(readers, waited_for)} readers"
    return None
