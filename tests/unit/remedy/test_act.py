"""What becomes of an act that is broken off; the stops are a mock, and nothing is written."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mapmedic.errors import (
    MapmedicError,
    NoSafeMoment,
    PreflightFailed,
    ProcessUnreadable,
    WriteRefused,
    WriteUnknown,
)
from mapmedic.memory.process import started_ticks
from mapmedic.model.acted import Stage
from mapmedic.model.change import Change
from mapmedic.model.safe_moment import Hindrance, Safe
from mapmedic.remedy.outside import act as acting
from mapmedic.remedy.outside import apply as applying
from mapmedic.remedy.outside.act import Job, act
from mapmedic.remedy.outside.way import Act

GONE = ProcessUnreadable(1, "somebody else traces it", "traced")
WATCH = SimpleNamespace(address=0x10, locks=(), judge=lambda _held: Safe(b"", ("it is safe",)))


@pytest.fixture(scope="module")
def pid() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


class Finder:
    """Moments, of which the one with number ``breaks`` cannot be held."""

    def __init__(self, breaks: int) -> None:
        self.moments, self._breaks = 0, breaks

    @contextmanager
    def moment(self) -> Iterator[Any]:
        self.moments += 1
        self.at_ctrl_z = signal.getsignal(signal.SIGTSTP)
        if self.moments == self._breaks:
            raise GONE
        yield SimpleNamespace(guarded=False, pause_ns=1_000_000, read=lambda _places: [])


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """What would have been written: a mock."""
    changes: list[Change] = []
    monkeypatch.setattr(acting, "write_changes", lambda _held, these: changes.extend(these))
    return changes


def job(pid: int, finder: Finder, *changes: Change, is_last: bool = False) -> Job:
    way = SimpleNamespace(
        is_one_write=True,
        changes=lambda _standing, _moment: Act(changes, 5, is_last=is_last, left=(("they changed", 3),)),
        done=lambda _act: None,
    )
    return Job(pid, started_ticks(pid), cast(Any, WATCH), cast(Any, way), finder=finder)


CHANGE = Change(0x10, b"a", b"b")


def test_what_was_changed_is_told_where_a_later_stop_cannot_be_made(pid: int, written: list[Change]) -> None:
    acted = act(job(pid, Finder(breaks=3), CHANGE))
    assert len(written) == 2
    assert (acted.entries, len(acted.stages), acted.whole) == (10, 2, False)
    assert acted.tries[-1].hindrance.hindrance is Hindrance.BROKEN_OFF
    assert "somebody else traces it" in acted.tries[-1].hindrance.why


def test_where_there_was_nothing_to_write_nothing_is_told_as_done(pid: int) -> None:
    told: list[Stage] = []
    nothing = replace(job(pid, Finder(breaks=9), is_last=True), written=told.append)
    acted = act(nothing)
    assert (acted.wrote, acted.left) == (False, (("they changed", 3),))
    with pytest.raises(PreflightFailed, match="nothing was left to write; 3 entries stay: they changed"):
        applying._require_written(acted)
    with pytest.raises(ProcessUnreadable):
        act(job(pid, Finder(breaks=3)))
    assert told == []


def test_ctrl_z_does_not_stop_us_while_the_process_stands_still(pid: int, written: list[Change]) -> None:
    finder = Finder(breaks=2)
    act(job(pid, finder, CHANGE))
    assert (finder.at_ctrl_z, signal.getsignal(signal.SIGTSTP)) == (signal.SIG_IGN, signal.SIG_DFL)


def test_where_nothing_was_changed_the_error_is_told(pid: int) -> None:
    with pytest.raises(ProcessUnreadable):
        act(job(pid, Finder(breaks=1)))


@pytest.mark.parametrize(
    ("said", "raised", "was_not_written"),
    [
        (WriteUnknown(1, 0x10, "cut short"), WriteUnknown, []),
        (GONE, ProcessUnreadable, [GONE.why]),
        (WriteRefused(1, 0x10, "it crosses a page", "not_whole"), NoSafeMoment, ["it crosses a page"]),
    ],
)
def test_what_is_known_of_a_write_that_failed_is_told(
    pid: int,
    monkeypatch: pytest.MonkeyPatch,
    said: MapmedicError,
    raised: type[MapmedicError],
    was_not_written: list[str],
) -> None:
    def fail(*_: object) -> None:
        raise said

    told: list[str] = []
    monkeypatch.setattr(acting, "write_changes", fail)
    unsure: list[tuple[int, tuple[Change, ...]]] = []
    one = replace(
        job(pid, Finder(breaks=9), CHANGE), not_written=told.append,
        unknown=lambda error, chosen: unsure.append((error.address, chosen.changes)),
    )  # fmt: skip
    with pytest.raises(raised):
        act(one)
    assert told == was_not_written
    assert unsure == ([(0x10, (CHANGE,))] if isinstance(said, WriteUnknown) else [])


def test_a_later_batch_of_which_nobody_knows_is_answered_and_what_went_before_is_told(
    pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str] = []

    def write(*_: object) -> None:
        if len(answers) == 2:
            raise WriteUnknown(1, 0x10, "cut short")

    monkeypatch.setattr(acting, "write_changes", write)
    one = replace(
        job(pid, Finder(breaks=9), CHANGE),
        written=lambda _stage: answers.append("written"), unknown=lambda *_: answers.append("unknown"),
    )  # fmt: skip
    acted = act(one)
    assert answers == ["written", "written", "unknown"]
    assert (acted.entries, acted.whole) == (10, False) and "in part" in acted.tries[-1].hindrance.why
