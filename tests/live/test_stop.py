"""A stop of a real process: what may be read and written in it, and that nothing outlives it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mapmedic.errors import ProcessUnreadable, WriteRefused, WriteUnknown
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
room = mmap.mmap(-1, 16384, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
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
    guarded: bool = False

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
        # A guardian finishes what it writes, and has gone soon.
        until = time.monotonic() + (PATIENCE_MS / 1e3 if self.guarded else 0.0)
        while read_facts(self.pid).tracer_pid and time.monotonic() < until:
            time.sleep(0.001)
        assert read_facts(self.pid).tracer_pid == 0
        before, until = self.says(0, 0)[1], time.monotonic() + PATIENCE_MS / 1e3
        while self.says(0, 0)[1] == before:
            if time.monotonic() > until:
                return False
        return True


@pytest.fixture(params=[False, True], ids=["held by us", "guarded"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", TARGET], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield Target(process, int(process.stdout.readline()), request.param)
        process.kill()


# Killed between two changes, who holds it by himself leaves the second unmade.
only_guarded = pytest.mark.parametrize("target", [True], ids=["guarded"], indirect=True)


def stopped(target: Target, budget_ms: float = PATIENCE_MS):
    return stop(target.pid, require_readable(target.pid), budget_ms, guarded=target.guarded)


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
        (Change(0, bytes(2), b"xy"), "one page"),
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


def test_what_cannot_be_written_in_the_time_that_is_left_is_not_begun(target: Target) -> None:
    changes = [Change(target.at + at, bytes(1), b"a") for at in range(2 * PAGE)]
    with stopped(target, budget_ms=20.0) as held, pytest.raises(WriteRefused, match="too little") as refused:
        write_changes(held, changes)
    assert refused.value.cause == "too_slow"
    assert target.says(0, 2 * PAGE)[0] == bytes(2 * PAGE)


def test_where_the_second_of_two_cannot_be_written_that_is_said(target: Target) -> None:
    changes = [Change(target.at + at, bytes(1), b"a") for at in (0, 2 * PAGE)]
    with stopped(target) as held, pytest.raises(WriteUnknown, match="between two writes"):
        write_changes(held, changes)
    assert target.says(0, 1)[0] == b"a"


def taken_from_job_control() -> bool:
    """Whether Ctrl-Z, and reading or writing in the background, do not stop us."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if "SigIgn" in each)
    ours = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    return all(int(line.split()[1], 16) >> number - 1 & 1 for number in ours)


def test_ctrl_z_stops_us_only_where_nobody_stands_still_for_us(target: Target) -> None:
    assert not taken_from_job_control()
    with subprocess.Popen(["sleep", "60"]) as other:
        facts = require_readable(other.pid)
        with stopped(target), stop(other.pid, facts, PATIENCE_MS):
            assert taken_from_job_control()
        assert not taken_from_job_control()
        other.kill()
    with pytest.raises(ProcessUnreadable), stop(other.pid, facts, PATIENCE_MS):
        pass
    assert not taken_from_job_control()


@only_guarded
def test_a_guardian_that_somebody_stops_holds_nothing_for_long(target: Target) -> None:
    with stopped(target, budget_ms=100.0) as held:
        guardian = read_facts(target.pid).tracer_pid
        os.kill(guardian, signal.SIGSTOP)
        with pytest.raises(WriteRefused, match="time"):
            write_changes(held, [Change(target.at, bytes(1), b"a")])
    assert not Path(f"/proc/{guardian}").exists()
    assert target.says(0, 1)[0] == b"\0" and target.runs_on()


@only_guarded
def test_a_guardian_that_is_killed_lets_go_and_leaves_a_doubt(target: Target) -> None:
    with stopped(target) as held:
        os.kill(read_facts(target.pid).tracer_pid, signal.SIGKILL)
        assert target.runs_on()
        with pytest.raises((WriteUnknown, WriteRefused)):
            write_changes(held, [Change(target.at, bytes(1), b"a")])
    assert target.says(0, 1)[0] == b"\0"


def test_no_garbage_of_ours_is_collected_while_it_stands_still(target: Target) -> None:
    """With a large heap read that takes longer than a stop may."""
    with stopped(target):
        assert not gc.isenabled()
    assert gc.isenabled()


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
pid, at, guarded, step, lines = map(int, sys.argv[1:])
facts = require_readable(pid)
byte = 0
while True:
    with stop(pid, facts, 5000.0, guarded=bool(guarded)) as held:
        places = [(at + line * step, min(step, 48)) for line in range(lines)]
        seen = held.read(places)
        print(".", end="", flush=True)
        changes = [Change(where, old, bytes([byte]) * size) for (where, size), old in zip(places, seen)]
        write_changes(held, changes)
        byte = (byte + 1) % 256
"""
# How far apart changes that are made together lie, and how many there are: on two pages.
STEP, LINES = 8, 2 * PAGE // 8


def killed_while_writing(
    target: Target, written: int, delay: float = 0.0, *, step: int = 48, lines: int = 1
) -> None:
    """Have a tool write ``lines`` changes at a time, and kill it so long after it began with one of them."""
    numbers = (target.pid, target.at, int(target.guarded), step, lines)
    command = [sys.executable, "-c", TOOL, *map(str, numbers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tool:
        assert tool.stdout is not None and tool.stdout.read(written)
        until = time.perf_counter() + delay
        while time.perf_counter() < until:
            pass
        tool.send_signal(signal.SIGKILL)


def test_however_we_are_killed_the_target_runs_on_and_every_write_is_whole(target: Target) -> None:
    for number in range(12):
        killed_while_writing(target, 1 + 7 * number)
        assert target.runs_on()
        seen = target.says(0, 48)[0]
        assert len(set(seen)) == 1, seen
        assert len(os.listdir(f"/proc/{target.pid}/task")) == 2  # noqa: PTH208


@only_guarded
def test_what_a_guardian_is_asked_for_is_written_to_the_last_byte_or_not_at_all(target: Target) -> None:
    values = set()
    # From 2 ms to 90 ms: a slow machine is in the midst of a write later than a quick one.
    for number in range(40):
        killed_while_writing(target, 2, 0.002 * 1.1**number, step=STEP, lines=LINES)
        assert target.runs_on()
        seen = target.says(0, STEP * LINES)[0]
        assert len(set(seen)) == 1
        values.add(seen[0])
    assert len(values) > 1
