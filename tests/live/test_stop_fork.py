"""A copy forked in a stop: it has what lay there, outlives the stop, and nothing of it is left."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic.errors import ProcessUnreadable, WriteRefused
from mapmedic.memory.code_room import find_room
from mapmedic.memory.process import exe_path, read_extents
from mapmedic.memory.reader import Address
from mapmedic.memory.snapshot import read_copy
from mapmedic.memory.writer import write_changes
from mapmedic.model.change import Change
from mapmedic.model.inventory import Limits, SnapshotMode
from tests.live.test_stop import PATIENCE_MS, TARGET, Target, stopped

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
KILLS = 12


@pytest.fixture
def target() -> Iterator[Target]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", TARGET], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield Target(process, int(process.stdout.readline()))
        process.kill()


def room_in(target: Target) -> Address:
    room = find_room(target.pid, exe_path(target.pid), read_extents(target.pid))
    assert room is not None
    return room


def copies_of(target: Target) -> list[str]:
    """Its children, each of the thread that made it."""
    threads = Path(f"/proc/{target.pid}/task").glob("*/children")
    return [child for children in threads for child in children.read_text().split()]


def has_no_copy_left(target: Target) -> bool:
    until = time.monotonic() + PATIENCE_MS / 1e3
    while copies_of(target):
        if time.monotonic() > until:
            return False
    return True


def test_the_copy_has_what_lay_there_before_the_write(target: Target) -> None:
    with stopped(target) as held:
        copy = held.fork(room_in(target))
        with pytest.raises(ProcessUnreadable):
            held.fork(room_in(target))  # one for each stop; the stop goes on
        write_changes(held, [Change(target.at, bytes(4), b"abcd")])
    assert not held.was_late and target.says(0, 4)[0] == b"abcd"
    assert target.runs_on()
    memory = read_copy(target.pid, copy, Limits())
    assert memory.how is SnapshotMode.FORK and memory.pid == target.pid
    assert memory.read(target.at, 4) == bytes(4)
    assert target.runs_on() and has_no_copy_left(target)


def test_a_copy_that_is_forgotten_goes(target: Target) -> None:
    with stopped(target) as held:
        copy = held.fork(room_in(target))
    assert copies_of(target)
    del copy
    assert has_no_copy_left(target) and target.runs_on()


def test_once_the_time_is_up_nothing_is_written_and_the_copy_is_there(target: Target) -> None:
    with stopped(target, budget_ms=100.0) as held:
        copy = held.fork(room_in(target))
        target.says(0, 0)  # it answers once it is let go
        with pytest.raises(WriteRefused, match="time"):
            write_changes(held, [Change(target.at, bytes(1), b"a")])
    assert held.was_late and target.says(0, 1)[0] == b"\0"
    assert read_copy(target.pid, copy, Limits()).read(target.at, 1) == b"\0"
    assert has_no_copy_left(target)


def test_without_room_the_stop_is_over_and_nothing_is_written(target: Target) -> None:
    with stopped(target) as held:
        with pytest.raises(ProcessUnreadable):
            held.fork(_code_of(target))
        with pytest.raises(WriteRefused):
            write_changes(held, [Change(target.at, bytes(1), b"a")])
    assert target.runs_on()


def _code_of(target: Target) -> Address:
    exe = exe_path(target.pid)
    return next(each.start for each in read_extents(target.pid) if each.executable and each.name == exe)


TOOL = """
import sys
from mapmedic.memory.access import require_readable
from mapmedic.memory.stop import stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.change import Change
pid, at, room = map(int, sys.argv[1:])
facts = require_readable(pid)
while True:
    with stop(pid, facts, 5000.0) as held:
        print(".", end="", flush=True)
        copy = held.fork(room)
        whole = held.read([(at, 8)])[0]
        write_changes(held, [Change(at, whole, whole)])
    copy.release()
"""


def test_however_we_are_killed_the_target_runs_on_and_no_copy_is_left(target: Target) -> None:
    chance, room = random.Random(7), room_in(target)  # noqa: S311 - moments, no secrets
    for _ in range(KILLS):
        command = [sys.executable, "-c", TOOL, str(target.pid), str(target.at), str(room)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as tool:
            assert tool.stdout is not None and tool.stdout.read(1) == b"."
            time.sleep(chance.uniform(0.0, 0.02))  # a moment is what is wanted
            tool.send_signal(signal.SIGKILL)
        assert target.runs_on()
    assert all(_is_dead(each) for each in copies_of(target))


def _is_dead(pid: str) -> bool:
    """A copy that nobody reaped: the kernel ended it, and it goes with its parent."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
