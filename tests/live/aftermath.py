"""What a look must not leave behind: a stopped thread, a tracer, blocked signals, a copy, a silent service."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.live.scenarios import truth_of

_ON_ITS_WAY_OUT_SECONDS = 10.0
# Go blocks it for the moment of a clone only, whatever else a thread came with (src/runtime: minitSignalMask).
_NEVER_BLOCKED_FOR_LONG = 1 << signal.SIGURG - 1


def traces_left(pid: int, url: str) -> list[str]:
    """Return a sentence for each trace that a look left on ``pid``; the service at ``url`` must answer."""
    wrong = wrong_with(pid)
    if truth_of(url)["pid"] != pid:
        wrong.append("another process answers")
    return wrong


def wrong_with(pid: int, *, its_own: bool = False) -> list[str]:
    """Return a sentence for each thread that stands still or blocks signals, and each copy that runs.

    ``its_own``: it has children. What passes by itself is not told: each is one that did not.
    """
    deadline = time.monotonic() + _ON_ITS_WAY_OUT_SECONDS
    wrong = set(_wrong_with(pid, its_own))
    while wrong and time.monotonic() < deadline:
        time.sleep(0.02)  # a copy that was let go is on its way out
        wrong &= set(_wrong_with(pid, its_own))
    return sorted(wrong)


def _wrong_with(pid: int, its_own: bool) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            yield from _wrong_with_thread(task, its_own)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since


def _wrong_with_thread(task: Path, its_own: bool) -> Iterator[str]:
    status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
    if status["State"].split()[0] in "tT" or int(status["TracerPid"]):
        yield f"thread {task.name}: {status['State'].strip()}, tracer {status['TracerPid'].strip()}"
    if int(status["SigBlk"], 16) & _NEVER_BLOCKED_FOR_LONG:
        yield f"thread {task.name} takes no signals of {status['SigBlk'].strip()}"
    for child in (task / "children").read_text().split():
        state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        # A copy has the program of the process it is of; a child of its own soon runs another.
        if state != "Z" and not (its_own and _program(child) != _program(task.parent.parent.name)):
            yield f"child {child} in state {state}"


def _program(pid: str) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()
