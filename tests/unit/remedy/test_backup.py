"""Entries are on the disk, whole and checked, before they are dropped; otherwise they go back."""

from __future__ import annotations

import asyncio
import json
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapmedic.capture.agent import memory_point
from mapmedic.capture.backup_file import read_backup
from mapmedic.errors import BackupFailed, TargetUnreachable
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Outcome
from mapmedic.model.units import MIB
from mapmedic.remedy import apply
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.proof import Criteria
from tests.unit.remedy.agents import Agent, backup_plan, plan
from tests.unit.remedy.test_apply import events, lines, lost


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(apply, "_LINGER_SECONDS", 0.0)


def fix(agent: Agent, folder: Path, path: Path | None = None, *, lossless: bool = True) -> Outcome:
    journal = Journal(folder, "main.T.m")
    wish = plan(backup=backup_plan(path, lossless=lossless))
    try:
        return asyncio.run(
            apply.apply_fix(agent.link, wish, journal, Criteria(within_seconds=0.05), lambda *_: None)
        )
    finally:
        journal.close()


def test_the_backup_is_whole_before_the_commit_is_announced(tmp_path: Path) -> None:
    agent = Agent()

    def look(name: str) -> None:
        if name == "commit":
            (path,) = tmp_path.glob("*.backup")
            assert read_backup(path).whole

    agent.on_call = look
    outcome = fix(agent, tmp_path)
    assert events(tmp_path) == [
        "planned", "detaching", "detached", "backing_up", "backed_up", "committing", "committed", "proved",
    ]  # fmt: skip
    assert outcome.backup is not None
    path = Path(outcome.backup.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == outcome.backup.bytes
    backed_up = lines(tmp_path)[4]
    assert (backed_up["path"], backed_up["entries"], backed_up["lossless"]) == (str(path), 1000, True)
    header = read_backup(path).header
    assert (header.map, header.operation, header.entries, header.by) == ("main.T.m", "abc-1", 1000, "me")
    assert list(tmp_path.glob("*.partial")) == []


def test_a_lossy_backup_is_asked_for_as_such_and_labelled(tmp_path: Path) -> None:
    outcome = fix(Agent(), tmp_path, lossless=False)
    assert outcome.backup is not None and not outcome.backup.header.lossless
    assert outcome.backup.header.losses == ("value.Conn: net.Conn",)
    assert lines(tmp_path)[4]["lossless"] is False


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        (Agent(before={"stream": lost}), "first error"),
        (Agent(after={"stream": lost}), "first error"),
        (Agent(streams=[b"{}"] * 999), "999 entries came, 1,000 had been taken out"),
        (Agent(unencodable=2, streams=[b"{}"] * 998), "2 entries cannot be written"),
    ],
)
def test_a_backup_that_is_not_whole_puts_everything_back(tmp_path: Path, agent: Agent, why: str) -> None:
    with pytest.raises(BackupFailed, match=why):
        fix(agent, tmp_path)
    assert agent.state == "undone"
    assert "commit" not in agent.asked
    assert events(tmp_path)[-2:] == ["backing_up", "undone"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"], "what is no backup does not stay"


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    agent = Agent()
    with pytest.raises(BackupFailed, match="exists already"):
        fix(agent, tmp_path, there)
    assert agent.state == "undone"
    assert there.read_text() == "mine"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_puts_everything_back(tmp_path: Path) -> None:
    agent = Agent(streams=[b'"%s"' % (b"x" * 500)] * 1000)
    with files_of_at_most(100_000), pytest.raises(BackupFailed, match="File too large"):
        fix(agent, tmp_path)
    assert agent.state == "undone"
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


def test_a_commit_that_fails_after_the_backup_leaves_both(tmp_path: Path) -> None:
    agent = Agent(before={"commit": lost})
    with pytest.raises(TargetUnreachable):
        fix(agent, tmp_path)
    assert agent.state == "undone"
    (path,) = tmp_path.glob("*.backup")
    assert read_backup(path).whole, "a whole backup is never thrown away"


def test_an_interrupt_in_the_middle_of_the_stream(tmp_path: Path) -> None:
    agent = Agent(before={"stream": asyncio.CancelledError})
    with pytest.raises(asyncio.CancelledError):
        fix(agent, tmp_path)
    assert agent.state == "undone"
    assert json.loads((next(tmp_path.glob("*.jsonl"))).read_text().splitlines()[-1])["event"] == "undone"


def test_the_drop_is_measured_from_the_moment_before_it(tmp_path: Path) -> None:
    """A slow backup on a service that leaks fast: what came meanwhile is not the fix's failure."""
    agent = Agent()

    async def memory() -> MemoryPoint:
        await agent.call("GET", "/stats")
        size = {"untouched": 100, "detached": 180}.get(agent.state, 90) * MIB
        return memory_point({"rss_bytes": size, "heap_alloc_bytes": size})

    agent.memory = memory  # type: ignore[method-assign]
    outcome = fix(agent, tmp_path)
    assert outcome.before is not None and outcome.before.rss_bytes == 180 * MIB
    assert outcome.proof is not None and outcome.proof.passed
    assert outcome.timeline[0].rss_bytes == 100 * MIB
