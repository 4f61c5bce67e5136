"""Two who would change the same process: real processes, real locks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapmedic.errors import PreflightFailed, ProcessUnreadable
from mapmedic.remedy import operator
from mapmedic.remedy.operator import hold_process, operator_condition

HOLDING = (
    "import sys; from mapmedic.remedy.operator import hold_process\n"
    "with hold_process(int(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def target() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


@contextmanager
def first_operator(pid: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDING, str(pid)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("with_pidfd", [True, False])
def test_the_second_is_refused_and_told_who_the_first_is(
    target: int, with_pidfd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_pidfd:  # as before Linux 5.3, or in a sandbox; the first has both
        monkeypatch.setattr(operator, "_pidfd", lambda _pid: None)
    assert operator_condition(target).holds
    with first_operator(target) as first:
        words = f"process {first.pid}, changes process {target}"
        with pytest.raises(PreflightFailed, match=words), hold_process(target):
            raise AssertionError("unreachable")
        assert not operator_condition(target).holds
        with hold_process(first.pid):  # another process is nobody's
            pass
        first.send_signal(signal.SIGKILL)
        first.wait()
        with hold_process(target):
            assert not operator_condition(target).holds
    assert operator_condition(target).holds


def test_a_process_that_is_not_there(target: int) -> None:
    os.kill(target, signal.SIGKILL)
    os.waitpid(target, 0)
    with pytest.raises(ProcessUnreadable):
        operator_condition(target)


def test_nothing_of_ours_stays_open(target: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        operator_condition(target)
        with hold_process(target):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_where_nothing_can_be_locked_the_plan_says_so(target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:  # a mock: no such sandbox is at hand
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(operator.fcntl, "flock", no_locks)
    condition = operator_condition(target)
    assert condition.holds and "not known" in condition.why and "No locks" in condition.why
    with hold_process(target):
        pass
