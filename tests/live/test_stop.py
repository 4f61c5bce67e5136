"""A stop of a real process: what may be read and written in it, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mapmedic.errors import ProcessUnreadable, WriteRefused
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import read_facts
from mapmedic.memory.stop import Stop, stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.change import Change

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PAGE = 4096
PATIENCE_MS = 5_000.0
# Says where four pages of its memory are (the third may not be written), then what is in them when asked. A second
# thread runs all the time.
TARGET = """
import ctypes, mmap, sys, threading, time
room = mmap.mmap(-1, 16384)
at = ctypes.addressof(ctypes.c_char.from_buffer(room))
ctypes.CDLL(None).mprotect(ctypes.c_void_p(at + 8192), 4096, 1)
ticks = [0]
def tick():
    while True:
        ticks[0] += 1
        time.sleep(0.0001)
threading.Thread(target=tick, daemon=True).start()
print(at, flush=True)
for line in sys.stdin:
    begin, end = map(int, line.split())
    print(room[begin:end].hex() or "-", ticks[0], flush=True)
"""


@dataclass
class Target:
    process: subprocess.Popen[str]
    at: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def says(self, begin: int, end: int) -> tuple[bytes, int]:
        """What it sees in its own memory, and how often its other thread has run."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{begin} {end}\n")
        self.process.stdin.flush()
        seen, ticks = self.process.stdout.readline().split()
        return bytes.fromhex(seen.strip("-")), int(ticks)

    def runs_on(self) -> bool:
        """Both threads run, nobody traces it, and no copy of it is there."""
        assert read_facts(self.pid).tracer_pid == 0
        before, until = self.says(0, 0)[1], time.monotonic() + PATIENCE_MS / 1e3
        while self.says(0, 0)[1] == before:
            if time.monotonic() > until:
                return False
        return True


@pytest.fixture
def target() -> Iterator[Target]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", TARGET], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield Target(process, int(process.stdout.readline()))
        process.kill()


def stopped(target: Target, budget_ms: float = PATIENCE_MS):
    return stop(target.pid, require_readable(target.pid), budget_ms)


def test_what_is_written_in_a_stop_is_there_and_the_target_runs_on(target: Target) -> None:
    with stopped(target) as held:
        assert len(held.threads) == 2 and all(each.stack_pointer for each in held.threads)
        assert held.read([(target.at, 4), (0, 8)]) == [bytes(4), None]
        write_changes(held, [Change(target.at + 8, bytes(4), b"abcd"), Change(target.at, bytes(2), b"xy")])
        assert held.read([(target.at, 12)]) == [b"xy" + bytes(6) + b"abcd"]
        assert held.left_ns > 0
    assert 0 < held.pause_ns < PATIENCE_MS * 1e6 and not held.was_late
    assert target.says(0, 12)[0] == b"xy" + bytes(6) + b"abcd"
    assert target.runs_on()


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (Change(8, b"\1", b"z"), "something else"),
        (Change(PAGE - 2, bytes(4), b"abcd"), "one page"),
        (Change(16, b"", b""), "one page"),
        (Change(16, bytes(2), b"x"), "one page"),
    ],
)
def test_where_one_of_several_cannot_be_written_none_is(target: Target, second: Change, why: str) -> None:
    changes = [
        Change(target.at, bytes(1), b"a"), Change(target.at + second.address, second.old, second.new),
    ]  # fmt: skip
    with stopped(target) as held, pytest.raises(WriteRefused, match=why):
        write_changes(held, changes)
    assert target.says(0, 2 * PAGE)[0] == bytes(2 * PAGE)


def test_a_page_that_the_target_may_not_write_is_not_written(target: Target) -> None:
    with stopped(target) as held, pytest.raises(ProcessUnreadable):
        write_changes(held, [Change(target.at + 2 * PAGE, bytes(1), b"a")])
    assert target.runs_on()


def test_once_the_time_is_up_it_is_let_go_and_nothing_is_written(target: Target) -> None:
    with stopped(target, budget_ms=30.0) as held:
        target.says(0, 0)  # it answers once it is let go, and we still think that we hold it
        assert target.runs_on()
        with pytest.raises(WriteRefused, match="time"):
            write_changes(held, [Change(target.at, bytes(1), b"a")])
    assert held.was_late and held.left_ns == 0
    assert target.says(0, 1)[0] == b"\0"


def test_what_was_let_go_is_not_written(target: Target) -> None:
    with stopped(target) as held:
        pass
    with pytest.raises(ProcessUnreadable):
        write_changes(held, [Change(target.at, bytes(1), b"a")])


def test_whatever_is_raised_in_a_stop_the_target_is_let_go(target: Target) -> None:
    def fail(held: Stop) -> None:
        raise ZeroDivisionError(held.pid)

    with pytest.raises(ZeroDivisionError), stopped(target) as held:
        fail(held)
    assert target.runs_on()


def test_what_is_gone_cannot_be_stopped(target: Target) -> None:
    facts = require_readable(target.pid)
    target.process.kill()
    target.process.wait()
    with pytest.raises(ProcessUnreadable), stop(target.pid, facts, PATIENCE_MS):
        pass


TOOL = """
import sys
from mapmedic.memory.access import require_readable
from mapmedic.memory.stop import stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.change import Change
pid, at = int(sys.argv[1]), int(sys.argv[2])
facts = require_readable(pid)
byte = 0
while True:
    with stop(pid, facts, 5000.0) as held:
        print(".", end="", flush=True)
        whole = held.read([(at, 48)])[0]
        write_changes(held, [Change(at, whole, bytes([byte]) * 48)])
        byte = (byte + 1) % 256
"""


def test_however_we_are_killed_the_target_runs_on_and_every_write_is_whole(target: Target) -> None:
    for number in range(12):
        command = [sys.executable, "-c", TOOL, str(target.pid), str(target.at)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as tool:
            assert tool.stdout is not None and tool.stdout.read(1 + 7 * number)
            tool.send_signal(signal.SIGKILL)
        assert target.runs_on()
        seen = target.says(0, 48)[0]
        assert len(set(seen)) == 1, seen
        assert len(os.listdir(f"/proc/{target.pid}/task")) == 2  # noqa: PTH208
