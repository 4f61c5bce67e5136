"""The watch over the memory: a real process is killed once the (injected) figure falls below the floor."""

from __future__ import annotations

import subprocess
import threading

import pytest

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.watch import MemoryGuard, Ticking


def test_below_the_floor_the_copy_is_killed_and_it_is_said() -> None:
    left = iter([300 << 20, 200 << 20, 99 << 20])
    with subprocess.Popen(["sleep", "60"]) as copy:
        guard = MemoryGuard(copy.pid, 100 << 20, lambda: next(left, 0))
        with Ticking([guard.check]):
            assert copy.wait(10) == -9
        with pytest.raises(ProcessUnreadable, match="99 MiB were left, and 100 are to stay") as told:
            guard.require_never_tripped(1)
        assert told.value.cause == "no_memory"


def test_above_the_floor_nothing_happens() -> None:
    with subprocess.Popen(["sleep", "60"]) as copy:
        for left in (100 << 20, None):
            guard = MemoryGuard(copy.pid, 100 << 20, lambda left=left: left)
            guard.check()
            guard.require_never_tripped(1)
        assert copy.poll() is None
        copy.kill()


def test_a_bar_that_cannot_be_drawn_does_not_end_the_watch() -> None:
    watched = threading.Event()
    calls = []

    def draw() -> None:
        calls.append(1)
        raise BrokenPipeError

    def watch() -> None:
        if calls:
            watched.set()

    with pytest.raises(BrokenPipeError), Ticking([draw, watch]):
        assert watched.wait(10)
    assert len(calls) == 1
