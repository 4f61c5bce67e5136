"""What becomes of the period that is made short: whatever ends us, it is put back, or it is said. Writes are a mock."""

from __future__ import annotations

import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mapmedic.errors import ProcessUnreadable, WriteRefused
from mapmedic.model.gc_words import GcWord, GcWords
from mapmedic.model.tuning import Collections
from mapmedic.remedy import forced_gc
from mapmedic.remedy.forced_gc import force_collections
from mapmedic.remedy.journal import Journal

TWO_MINUTES_NS = 120 * 10**9
WORDS = GcWords(
    percent=GcWord(0x10, 4, 100), memory_limit=None, heap_minimum=None, cycles=None, trace=None, phase=None,
    finished_at=GcWord(0x20, 8, 7), force_period=GcWord(0x30, 8, TWO_MINUTES_NS),
)  # fmt: skip


class Target:
    """A process that is not written to: ``period_ns`` is what was last written; the second write may be refused."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.period_ns, self.writes, self._refuses = TWO_MINUTES_NS, 0, refuses

    def write(self, pid: int, _started: int, changes: list[Any]) -> int:
        self.writes += 1
        if self.writes == self._refuses:
            raise WriteRefused(pid, changes[0].address, "somebody else traces it")
        (self.period_ns,) = struct.unpack("<q", changes[0].new)
        return 1


@pytest.fixture
def pid() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def force(pid: int, target: Target, folder: Path, patch: pytest.MonkeyPatch, tell: Any = None) -> Collections:
    patch.setattr(forced_gc, "write_in_a_stop", target.write)
    again = SimpleNamespace(read=lambda _places: [struct.pack("<q", 7)])
    patch.setattr(forced_gc, "ProcessAgain", lambda *_: again)
    journal = Journal(folder, "m")
    try:
        return force_collections(
            pid, WORDS, 3, journal, within_seconds=5.0 if tell else 0.05, progress=tell or (lambda *_: None)
        )
    finally:
        journal.close()


def test_it_is_put_back(pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target()
    done = force(pid, target, tmp_path, monkeypatch)
    assert (done.restored, target.period_ns, target.writes) == (True, TWO_MINUTES_NS, 2)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_comes_when_it_is_put_back(
    pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    target = Target()

    def press(*_: object) -> None:
        for _time in range(times):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stop:
        force(pid, target, tmp_path, monkeypatch, press)
    assert target.period_ns == TWO_MINUTES_NS and not hasattr(stop.value, "__notes__")


def test_one_that_cannot_be_put_back_is_told(
    pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not force(pid, Target(refuses=2), tmp_path / "a", monkeypatch).restored
    assert "collections.not_restored" in next((tmp_path / "a").iterdir()).read_text()
    with pytest.raises(KeyboardInterrupt) as stop:
        force(pid, Target(refuses=2), tmp_path / "b", monkeypatch, lambda *_: signal.raise_signal(2))
    assert f"mapmedic doctor --repair --journal {tmp_path / 'b'}" in stop.value.__notes__[0]


def test_what_was_never_written_is_not_put_back(
    pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(refuses=1)
    with pytest.raises(WriteRefused):
        force(pid, target, tmp_path, monkeypatch)
    assert target.writes == 1


def test_of_a_process_that_has_ended_nothing_is_left_to_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        started = forced_gc.started_ticks(process.pid)
        target = Target(refuses=2)

        def end(*_: object) -> None:
            process.kill()
            process.wait()

        done = force(process.pid, target, tmp_path, monkeypatch, end)
    assert done.restored and started
    with pytest.raises(ProcessUnreadable):
        forced_gc.started_ticks(process.pid)
