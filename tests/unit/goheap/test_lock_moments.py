"""Moments right behind taking a lock, tried on a model of it: every order of the steps of a few goroutines.

The models are written from src/sync/mutex.go and rwmutex.go, one step for each atomic instruction. Whatever order it
is, and whoever of them is caught: where the lock is judged to be at rest, nobody has done anything under it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from mapmedic.goheap.lock_moments import judge_lock, watched_words
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.safe_moment import Unsafe
from mapmedic.model.watched_word import CaughtWrite

AT, MAX, BITS = 0x1000, 1 << 30, 0xFFFF_FFFF
MOST = 1_000_000
LOCKED, WOKEN, STARVING, WAITER = 1, 2, 4, 8
MUTEX, RW_MUTEX = (MapLock(kind, AT, "") for kind in (LockKind.MUTEX, LockKind.RW_MUTEX))
COUNT, WAIT = AT + 16, AT + 20


@dataclass(frozen=True)
class One:
    """A goroutine: what it is about to do, whether it has done something under the lock, the write it stands behind."""

    at: str
    reads: bool = False
    works: bool = False
    behind: tuple[int, int, int] | None = None
    starving: bool = False
    awoke: bool = False
    releases: int = 0


@dataclass(frozen=True)
class World:
    """The words of the lock (state; readerCount, readerWait), what its semaphores have to give, and everybody."""

    everybody: tuple[One, ...]
    state: int = 0
    count: int = 0
    wait: int = 0
    wakes: int = 0
    reader_wakes: int = 0
    writer_wakes: int = 0


FRESH = One("lock")
Steps = Callable[[World, int], Iterator[World]]


def moved(world: World, who: int, one: One, **words: int) -> World:
    everybody = (*world.everybody[:who], one, *world.everybody[who + 1 :])
    return replace(world, everybody=everybody, **words)


def mutex_steps(world: World, who: int) -> Iterator[World]:
    one, state = replace(world.everybody[who], behind=None), world.state
    if one.at == "lock":
        yield from lock_steps(world, who, one)
    elif one.at == "sleep" and world.wakes:
        # It may have waited for long enough to be promised the lock next time, or not.
        for starving in {one.starving, True}:
            if state & STARVING:
                new = state + LOCKED - WAITER - (STARVING if not starving or state >> 3 == 1 else 0)
                taken = replace(one, at="in", starving=starving, behind=(AT, state, new))
                yield moved(world, who, taken, state=new, wakes=world.wakes - 1)
            else:
                yield moved(
                    world, who, replace(one, at="lock", starving=starving, awoke=True), wakes=world.wakes - 1
                )
    elif one.at == "in":
        yield moved(world, who, replace(one, at="unlock", works=True))
    elif one.at == "unlock":
        at = "lock" if state == LOCKED else "hand over" if state & STARVING else "wake"
        left = replace(FRESH, at=at, behind=(AT, state, state - LOCKED))
        yield moved(world, who, left, state=state - LOCKED)
    elif one.at == "hand over":
        yield moved(world, who, FRESH, wakes=world.wakes + 1)
    elif one.at == "wake" and (state >> 3 == 0 or state & 7):
        yield moved(world, who, FRESH)
    elif one.at == "wake":
        new = state - WAITER | WOKEN
        yield moved(world, who, replace(FRESH, behind=(AT, state, new)), state=new, wakes=world.wakes + 1)


def lock_steps(world: World, who: int, one: One) -> Iterator[World]:
    state = world.state
    base = state & ~WOKEN if one.awoke else state
    if not state & (LOCKED | STARVING):
        new = base | LOCKED
        yield moved(world, who, replace(one, at="in", behind=(AT, state, new)), state=new)
        return
    if state & LOCKED and not one.awoke and not state & (WOKEN | STARVING) and state >> 3:
        new = state | WOKEN
        yield moved(world, who, replace(one, awoke=True, behind=(AT, state, new)), state=new)  # it spins
    new = base + WAITER | (STARVING if one.starving and state & LOCKED else 0)
    yield moved(world, who, replace(one, at="sleep", awoke=False, behind=(AT, state, new)), state=new)


def reader_steps(world: World, who: int, one: One) -> Iterator[World]:
    count = world.count
    if one.at == "lock":
        at = "in" if count + 1 >= 0 else "sleep"
        yield moved(world, who, replace(one, at=at, behind=(COUNT, count, count + 1)), count=count + 1)
    elif one.at == "sleep" and world.reader_wakes:
        yield moved(world, who, replace(one, at="in"), reader_wakes=world.reader_wakes - 1)
    elif one.at == "in":
        yield moved(world, who, replace(one, at="unlock", works=True))
    elif one.at == "unlock":
        left = replace(
            one, at="lock" if count - 1 >= 0 else "last?", works=False, behind=(COUNT, count, count - 1)
        )
        yield moved(world, who, left, count=count - 1)
    elif one.at == "last?":
        at = "wake" if world.wait == 1 else "lock"
        yield moved(
            world, who, replace(one, at=at, behind=(WAIT, world.wait, world.wait - 1)), wait=world.wait - 1
        )
    elif one.at == "wake":
        yield moved(world, who, replace(one, at="lock"), writer_wakes=world.writer_wakes + 1)


def writer_steps(world: World, who: int, one: One) -> Iterator[World]:
    count = world.count
    if one.at == "lock" and not world.state:
        yield moved(world, who, replace(one, at="announce"), state=1)
    elif one.at == "announce":
        at = "in" if count == 0 else "wait"
        told = replace(one, at=at, behind=(COUNT, count, count - MAX), releases=count)
        yield moved(world, who, told, count=count - MAX)
    elif one.at == "wait":
        now = world.wait + one.releases
        yield moved(
            world, who, replace(one, at="sleep" if now else "in", behind=(WAIT, world.wait, now)), wait=now
        )
    elif one.at == "sleep" and world.writer_wakes:
        yield moved(world, who, replace(one, at="in"), writer_wakes=world.writer_wakes - 1)
    elif one.at == "in":
        yield moved(world, who, replace(one, at="unlock", works=True))
    elif one.at == "unlock":
        left = replace(one, at="wake", works=False, behind=(COUNT, count, count + MAX), releases=count + MAX)
        yield moved(world, who, left, count=count + MAX)
    elif one.at == "wake" and one.releases:
        yield moved(world, who, replace(one, releases=one.releases - 1), reader_wakes=world.reader_wakes + 1)
    elif one.at == "wake":
        yield moved(world, who, replace(one, at="lock"), state=0)


def rw_mutex_steps(world: World, who: int) -> Iterator[World]:
    one = replace(world.everybody[who], behind=None)
    yield from (reader_steps if one.reads else writer_steps)(world, who, one)


def every(world: World, steps: Steps) -> set[World]:
    """Everything that can come of ``world``."""
    seen, ahead = {world}, [world]
    while ahead:
        assert len(seen) < MOST
        now = ahead.pop()
        for who in range(len(now.everybody)):
            for later in steps(now, who):
                if later not in seen:
                    seen.add(later)
                    ahead.append(later)
    return seen


def catches(world: World) -> Iterator[tuple[CaughtWrite, ...]]:
    """Whoever stands behind a write may be caught, or not."""
    writes = [
        CaughtWrite(who, at, old & BITS, (new & BITS,))
        for who, one in enumerate(world.everybody)
        if one.behind is not None
        for at, old, new in [one.behind]
    ]
    for number in range(len(writes) + 1):
        yield from combinations(writes, number)


def words(lock: MapLock, world: World) -> bytes:
    if lock.kind is LockKind.MUTEX:
        return struct.pack("<iI", world.state, 0)
    return struct.pack("<iI2I2i", world.state, 0, 0, 0, world.count, world.wait)


READER = One("lock", reads=True)
CASES = [
    (MUTEX, mutex_steps, World((FRESH,) * 3)),
    (RW_MUTEX, rw_mutex_steps, World((FRESH, FRESH, READER, READER))),
    (RW_MUTEX, rw_mutex_steps, World((FRESH, READER, READER))),
]


@pytest.mark.parametrize(("lock", "steps", "start"), CASES)
def test_in_no_order_of_steps_somebody_works_under_a_lock_that_is_at_rest(
    lock: MapLock, steps: Steps, start: World
) -> None:
    judged, at_rest_though_taken = 0, set()
    for world in every(start, steps):
        for writes in catches(world):
            told = judge_lock(lock, words(lock, world), writes)
            if isinstance(told, Unsafe):
                continue
            judged += 1
            assert not any(one.works for one in world.everybody), (told, world, writes)
            at_rest_though_taken.add("free" not in told)
    assert judged > 500 and at_rest_though_taken == {True, False}


@pytest.mark.parametrize(("lock", "steps", "start"), CASES)
def test_whoever_takes_a_lock_for_itself_can_be_caught(lock: MapLock, steps: Steps, start: World) -> None:
    """Where a goroutine stands right behind taking it, it is at rest; readers may come in together with others."""
    for world in every(start, steps):
        fresh = [one for one in world.everybody if one.at == "in" and one.behind and not one.reads]
        if fresh and not any(one.works for one in world.everybody):
            caught = max(catches(world), key=len)
            assert isinstance(judge_lock(lock, words(lock, world), caught), str), world


def test_a_write_that_may_have_been_something_else_shows_nothing() -> None:
    held = struct.pack("<iI", 1, 0)
    assert isinstance(judge_lock(MUTEX, held, (CaughtWrite(7, AT, 8, (1, 2)),)), Unsafe)
    assert isinstance(judge_lock(MUTEX, held, (CaughtWrite(7, AT, 1, (0,)),)), Unsafe)
    assert isinstance(judge_lock(MUTEX, held, (CaughtWrite(7, AT + 4, 0, (1,)),)), Unsafe)
    assert isinstance(judge_lock(MUTEX, held, ()), Unsafe)
    assert "thread 7" in str(judge_lock(MUTEX, held, (CaughtWrite(7, AT, 12, (5, 1)),)))
    assert isinstance(judge_lock(MUTEX, None, ()), Unsafe)


def test_the_words_that_are_watched_lie_where_the_lock_has_them() -> None:
    assert [each.address for each in watched_words((MUTEX, RW_MUTEX))] == [AT, COUNT, WAIT]
