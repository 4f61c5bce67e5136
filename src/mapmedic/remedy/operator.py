"""One operator at a time: who changes a process holds it as long as that takes.

The lock is on the kernel's own files of the process: all users and folders share them, they are of this process and no
later one with its number, and nothing stays behind. A pidfd is one file for the whole kernel, containers included,
since Linux 6.9 (fs/pidfs.c); before, and where it is forbidden, /proc/PID is one for all who see the same /proc.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mapmedic.errors import PreflightFailed, ProcessUnreadable
from mapmedic.memory.room import read_text
from mapmedic.model.remedy import Condition

_NAME = "one operator at a time"
# 1: FLOCK  ADVISORY  WRITE 15279 00:05:2511169 0 EOF
_LOCKS = Path("/proc/locks")
# Who shows a plan looks whether it is free, and has it for that instant.
_TRIES, _REST_SECONDS = 3, 0.02


@contextmanager
def hold_process(pid: int) -> Iterator[None]:
    """Hold process ``pid`` against every other mapmedic on this machine; PreflightFailed where one holds it.

    ProcessUnreadable where there is no such process. Our end lets it go.
    """
    for tries_left in reversed(range(_TRIES)):
        with ExitStack() as stack:
            by_other = _take(pid, stack).by_other
            if by_other is None:
                yield
                return
        if not tries_left:
            raise PreflightFailed((f"{_NAME}: {by_other}",))
        time.sleep(_REST_SECONDS)


def operator_condition(pid: int) -> Condition:
    """Return whether nobody holds process ``pid`` now."""
    with ExitStack() as stack:
        taken = _take(pid, stack)
    return Condition(_NAME, taken.by_other is None, taken.by_other or taken.words)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Who else holds a process, None where nobody does; ``words`` say how sure that is."""

    by_other: str | None
    words: str = "no other mapmedic changes it now"


def _take(pid: int, stack: ExitStack) -> _Taken:
    """Lock what names process ``pid`` until ``stack`` ends."""
    locked, refused = 0, ""
    for descriptor in _files_of(pid, stack):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked += 1
        except BlockingIOError:
            return _Taken(f"{_holder(descriptor)} changes process {pid} now")
        except OSError as error:  # this sandbox has no locks for it: the other file has to do
            refused = error.strerror or str(error)
    if locked:
        return _Taken(None)
    # Two would still not write at once: the kernel has one tracer, and who comes second finds other bytes.
    return _Taken(None, f"not known: nothing of it can be locked here (flock: {refused})")


def _files_of(pid: int, stack: ExitStack) -> list[int]:
    files = []
    try:
        files.append(os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        raise ProcessUnreadable(pid, "there is no such process here", "gone") from error
    own, its = _pidfd(os.getpid()), _pidfd(pid)
    # Before Linux 6.9 all pidfds are one and the same file.
    if own is not None and its is not None and os.fstat(own).st_ino != os.fstat(its).st_ino:
        files.insert(0, its)
    for descriptor in {*files, *(each for each in (own, its) if each is not None)}:
        stack.callback(os.close, descriptor)
    return files


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _holder(descriptor: int) -> str:
    """Return who has locked the file behind ``descriptor``, as /proc/locks has it."""
    facts = os.fstat(descriptor)
    file = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    for line in read_text(_LOCKS).splitlines():
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == file:
            return f"another mapmedic, process {words[4]},"
    return "another mapmedic"
