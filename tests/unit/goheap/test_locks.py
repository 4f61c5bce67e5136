"""What the words of a lock say: free, or who has it."""

from __future__ import annotations

import struct

import pytest

from mapmedic.goheap.locks import lock_place, why_taken
from mapmedic.model.map_lock import LockKind, MapLock

MUTEX, RW_MUTEX = (MapLock(kind, 0x1000, "") for kind in (LockKind.MUTEX, LockKind.RW_MUTEX))


def rw(state: int = 0, readers: int = 0, waited_for: int = 0) -> bytes:
    return struct.pack("<iI2I2i", state, 0, 0, 0, readers, waited_for)


# Locked 1, woken 2, starving 4, then the number of those who wait.
@pytest.mark.parametrize("state", [0, 2, 4, 8 | 2, 8 | 4])
def test_nobody_who_only_waits_has_it(state: int) -> None:
    assert why_taken(MUTEX, struct.pack("<iI", state, 0)) is None
    assert why_taken(RW_MUTEX, rw(state)) is None


@pytest.mark.parametrize("state", [1, 1 | 8, 7])
def test_who_has_it_is_told(state: int) -> None:
    assert "held" in (why_taken(MUTEX, struct.pack("<iI", state, 0)) or "")
    # A writer that has not announced itself to readers, or has left, is not in.
    assert why_taken(RW_MUTEX, rw(state)) is None
    assert "held" in (why_taken(RW_MUTEX, rw(state, readers=-(1 << 30))) or "")


def test_readers_have_it_and_so_does_a_writer_that_waits_for_them() -> None:
    assert "2 readers" in (why_taken(RW_MUTEX, rw(readers=2)) or "")
    assert "writer" in (why_taken(RW_MUTEX, rw(readers=2 - (1 << 30), waited_for=2)) or "")
    assert "1 readers" in (why_taken(RW_MUTEX, rw(waited_for=1)) or "")


def test_what_cannot_be_read_is_not_free() -> None:
    assert why_taken(MUTEX, None)
    assert [lock_place(each) for each in (MUTEX, RW_MUTEX)] == [(0x1000, 8), (0x1000, 24)]
