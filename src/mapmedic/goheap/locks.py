"""Whether a lock is free: nobody has passed it and not come back (src/sync/mutex.go, rwmutex.go; internal/sync)."""

from __future__ import annotations

import struct

from mapmedic.memory.reader import Place
from mapmedic.model.map_lock import LockKind, MapLock

# Mutex: state int32, sema uint32. Who is only waiting, woken or promised the lock has not passed it.
MUTEX_LOCKED = 1
_MUTEX_BYTES = 8
# RWMutex: w Mutex, writerSem, readerSem uint32, readerCount, readerWait int32. Who holds w alone is a writer that has
# not announced itself yet, or that has left.
READER_COUNT, READER_WAIT = 16, 20
_RW_MUTEX_BYTES = 24
# rwmutexMaxReaders, which a writer takes away from readerCount while it is in, or waits for readers to leave.
MOST_READERS = 1 << 30


def lock_place(lock: MapLock) -> Place:
    """Return what is to be read of ``lock``."""
    return lock.address, _MUTEX_BYTES if lock.kind is LockKind.MUTEX else _RW_MUTEX_BYTES


def readers_of(raw: bytes) -> tuple[int, int]:
    """Return (readerCount, readerWait) of the words ``raw`` of an RWMutex."""
    readers, waited_for = struct.unpack_from("<2i", raw, READER_COUNT)
    return readers, waited_for


def why_taken(lock: MapLock, raw: bytes | None) -> str | None:
    """Return who has ``lock`` by its words ``raw``, None for nobody."""
    if raw is None:
        return f"the lock at {lock.address:#x} cannot be read"
    if lock.kind is LockKind.MUTEX:
        is_held = int.from_bytes(raw[:4], "little") & MUTEX_LOCKED
        return f"the {lock.kind} at {lock.address:#x} is held" if is_held else None
    readers, waited_for = readers_of(raw)
    if readers < 0:
        return f"the {lock.kind} at {lock.address:#x} is held, or being taken, by a writer"
    if readers or waited_for:
        return f"the {lock.kind} at {lock.address:#x} has {max(readers, waited_for)} readers"
    return None
