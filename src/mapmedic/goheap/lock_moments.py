"""Moments at which nobody works under a lock though it is taken: its taker stands right behind taking it.

Polling hardly ever meets a lock free that many wait for: it is handed from one to the next. But who takes it does so
by one atomic instruction, and has touched nothing yet that the lock guards when it stands right behind that. Here is
which changes of which words these are. Sources: src/sync/mutex.go, rwmutex.go, from 1.24 src/internal/sync/mutex.go;
the same from Go 1.21 to 1.27.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.goheap.locks import (
    MOST_READERS,
    MUTEX_LOCKED,
    READER_COUNT,
    READER_WAIT,
    readers_of,
    why_taken,
)
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.model.watched_word import ALL_BITS, Bits, CaughtWrite, WatchedWord

_LOCKED, _FREE = Bits(MUTEX_LOCKED, MUTEX_LOCKED), Bits(MUTEX_LOCKED, 0)
_ZERO, _ANY = Bits(ALL_BITS, 0), Bits(0, 0)
# Unlock takes the bit away. Who is promised the lock (starvation) sets it, is one less that waits, and may end that.
_MUTEX_SUMMANDS = (-MUTEX_LOCKED, MUTEX_LOCKED - 8, MUTEX_LOCKED - 8 - 4)
# A reader that comes, a writer that announces itself. One that leaves from 1 is told by the zero; a reader that
# leaves where there was none would end the program.
_COUNT_SUMMANDS = (1, -MOST_READERS)


def watched_words(locks: Sequence[MapLock]) -> tuple[WatchedWord, ...]:
    """Return the words of ``locks`` by whose changes these moments are told."""
    return tuple(word for lock in locks for word in _words(lock))


def _words(lock: MapLock) -> tuple[WatchedWord, ...]:
    if lock.kind is LockKind.MUTEX:
        return (WatchedWord(lock.address, _MUTEX_SUMMANDS, ((_FREE, _LOCKED), (_LOCKED, _FREE))),)
    return (
        WatchedWord(lock.address + READER_COUNT, _COUNT_SUMMANDS, ((_ANY, _ZERO), (_ZERO, _ANY))),
        WatchedWord(lock.address + READER_WAIT, (), ((_ANY, _ZERO),)),
    )


def judge_lock(lock: MapLock, raw: bytes | None, writes: Sequence[CaughtWrite]) -> str | Unsafe:
    """Return why nobody works under ``lock``, by its words ``raw``; Unsafe where somebody may.

    ``writes``: who stands right behind a write, and has since the words were read at the latest.
    """
    taken = why_taken(lock, raw)
    if taken is None:
        return f"the {lock.kind} at {lock.address:#x} is free"
    if raw is None:
        return Unsafe(Hindrance.LOCKED, taken)
    found = _mutex(lock, writes) if lock.kind is LockKind.MUTEX else _rw_mutex(lock, raw, writes)
    return f"the {lock.kind} at {lock.address:#x} {found}" if found else Unsafe(Hindrance.LOCKED, taken)


def _mutex(lock: MapLock, writes: Sequence[CaughtWrite]) -> str | None:
    """Say who has just set mutexLocked: no other can be under the lock, and it has not gone on."""
    for each in writes:
        if each.address == lock.address and not each.old & MUTEX_LOCKED and _all(each, MUTEX_LOCKED):
            return (
                f"was taken by thread {each.thread}, which stands right behind the instruction that took it"
            )
    return None


def _rw_mutex(lock: MapLock, raw: bytes, writes: Sequence[CaughtWrite]) -> str | None:
    readers, waited_for = readers_of(raw)
    if waited_for:
        return None
    counted = [each for each in writes if each.address == lock.address + READER_COUNT]
    if readers > 0:
        # All that are counted have just come in.
        entered = [each for each in counted if each.new == (each.old + 1,) and each.old < MOST_READERS]
        return (
            f"has readers that all stand right behind coming in ({readers})"
            if len(entered) == readers
            else None
        )
    for each in counted:
        if each.old == 0 and each.new == (-MOST_READERS & ALL_BITS,):
            return f"was taken by thread {each.thread}, a writer that stands right behind taking it, with no reader in"
    for each in writes:
        # The last reader that a writer waits for has left and not woken it yet, or that writer has seen them all gone.
        if each.address == lock.address + READER_WAIT and each.new == (0,):
            return f"waits for thread {each.thread}, which stands where the last reader had left: a writer is next"
    return None


def _all(write: CaughtWrite, bit: int) -> bool:
    return bool(write.new) and all(each & bit for each in write.new)
