"""A backup goes back piece by piece; what fails says how much is back, and can be repeated."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from mapmedic.capture.agent import AgentLink
from mapmedic.errors import (
    AgentRefused,
    FormatError,
    PreflightFailed,
    RestoreIncomplete,
    TargetUnreachable,
    UsageError,
)
from mapmedic.formats.entry_stream import StreamReader
from mapmedic.model.observation import RegisteredMap
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.remedy import restore
from mapmedic.remedy.journal import Journal
from tests.unit.formats.test_entry_stream import HEADER, written
from tests.unit.remedy.test_apply import events, lines

PAYLOADS = [b'{"k":%d,"v":"%s"}' % (n, b"x" * 100) for n in range(500)]


class _Link:
    """An agent that keeps what it is given, a stand-in for the real one (tests/live/test_restore.py)."""

    base_url = "http://t"

    def __init__(
        self, fails_at: int | None = None, lies: bool = False, fault: Exception | None = None
    ) -> None:
        self.held: set[bytes] = set()
        self.pieces = 0
        self.running: list[dict[str, Any]] = []
        self._fails_at, self._lies = fails_at, lies
        self._fault = fault or TargetUnreachable("http://t", "gone")

    async def maps(self) -> tuple[RegisteredMap, ...]:
        return (
            RegisteredMap("main.T.m", "map", "map[string]int", len(self.held), None),
            RegisteredMap("main.T.other", "map", "map[string]bool", 0, None),
        )

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        assert (method, path) == ("GET", "/debug/mapmedic/v1/operations")
        return {"operations": self.running}

    async def restore_entries(self, name: str, stream: bytes) -> dict[str, Any]:
        if self.pieces == self._fails_at:
            raise self._fault
        self.pieces += 1
        reader = StreamReader()
        entries = set(reader.feed(stream))
        assert reader.finish().entries == len(entries)
        fresh = entries - self.held
        self.held |= entries
        kept = len(entries) - len(fresh) - self._lies
        return {"restored": len(fresh), "kept_newer": kept, "lock_hold_ns": 5 + self.pieces}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "_PIECE_BYTES", 10_000)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return written(tmp_path / "b", PAYLOADS)


def planned(link: _Link, path: Path, name: str | None = None) -> RestorePlan:
    return asyncio.run(restore.plan_restore(cast(AgentLink, link), "http://t", path, name))


def done(link: _Link, plan: RestorePlan, folder: Path) -> Restored:
    journal = Journal(folder, "m")
    try:
        return asyncio.run(restore.apply_restore(cast(AgentLink, link), plan, journal, lambda *_: None))
    finally:
        journal.close()


def test_everything_comes_back_and_a_second_time_changes_nothing(backup: Path, tmp_path: Path) -> None:
    link = _Link()
    first = done(link, planned(link, backup), tmp_path / "1")
    assert link.held == set(PAYLOADS)
    assert link.pieces > 5
    assert (first.restored, first.kept_newer, first.entries_after) == (500, 0, 500)
    assert first.pause_ns == 5 + link.pieces
    assert events(tmp_path / "1") == ["restoring", "restored"]
    plan = planned(link, backup)
    assert plan.entries_now == 500
    again = done(link, plan, tmp_path / "2")
    assert (again.restored, again.kept_newer) == (0, 500)


def test_planning_changes_nothing(backup: Path) -> None:
    link = _Link()
    plan = planned(link, backup)
    assert plan.ready and link.pieces == 0
    assert plan.backup.header.map == plan.map == "main.T.m"
    assert len(plan.notes) == 2, "same target and map: nothing to remark on"


def test_a_failure_in_the_middle_says_how_much_is_back_and_can_be_repeated(
    backup: Path, tmp_path: Path
) -> None:
    link = _Link(fails_at=3)
    with pytest.raises(RestoreIncomplete) as caught:
        done(link, planned(link, backup), tmp_path / "j")
    assert caught.value.done == len(link.held) < 500
    assert lines(tmp_path / "j")[-1]["event"] == "restore_incomplete"
    link._fails_at = None
    again = done(link, planned(link, backup), tmp_path / "k")
    assert again.restored + again.kept_newer == 500
    assert link.held == set(PAYLOADS)


def test_a_refusal_of_the_first_piece_is_itself(backup: Path, tmp_path: Path) -> None:
    link = _Link(fails_at=0, fault=AgentRefused("not_lossless", "no", 422))
    with pytest.raises(AgentRefused):
        done(link, planned(link, backup), tmp_path / "j")


@pytest.mark.parametrize(
    "fault",
    [
        AgentRefused("lock_timeout", "the lock was not free in time: 17 of 80 entries are in the map", 503),
        TargetUnreachable("http://t", "the answer was lost"),
    ],
)
def test_what_may_be_in_the_map_is_never_called_untouched(
    backup: Path, tmp_path: Path, fault: Exception
) -> None:
    link = _Link(fails_at=0, fault=fault)
    with pytest.raises(RestoreIncomplete, match="known to be back") as caught:
        done(link, planned(link, backup), tmp_path / "j")
    assert caught.value.exit_code == 5 and str(fault) in str(caught.value)


def test_an_agent_that_does_not_account_for_every_entry_is_not_believed(backup: Path, tmp_path: Path) -> None:
    link = _Link(lies=True)
    with pytest.raises(RestoreIncomplete, match="it put back"):
        done(link, planned(link, backup), tmp_path / "j")


def test_what_does_not_fit_is_refused_before_anything(tmp_path: Path, backup: Path) -> None:
    link = _Link()
    other = planned(link, backup, "other")
    assert [c.name for c in other.conditions if not c.holds] == ["type"]
    assert "the backup is of main.T.m" in other.notes
    link.running = [{"id": "a-1", "finished_at": None}]
    assert [c.name for c in planned(link, backup).conditions if not c.holds] == ["one operation at a time"]
    lossy = replace(
        other, backup=replace(other.backup, header=replace(HEADER, lossless=False, losses=("x",)))
    )
    with pytest.raises(PreflightFailed):
        done(link, lossy, tmp_path / "j")
    assert link.pieces == 0
    assert events(tmp_path / "j") == ["restoring", "refused"]


def test_what_is_no_whole_backup_is_not_planned_with(tmp_path: Path, backup: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(backup.read_bytes()[:-1])
    with pytest.raises(FormatError, match="cut short"):
        planned(_Link(), cut)
    with pytest.raises(UsageError, match="no registered map"):
        planned(_Link(), backup, "nothing")


def test_a_lossy_backup_is_told_and_not_put_back(tmp_path: Path) -> None:
    path = tmp_path / "b"
    link = _Link()
    plan = planned(link, written(path, PAYLOADS))
    header = replace(plan.backup.header, lossless=False, losses=("value.Conn: a func",))
    cut = "its trailer says that entries were cut"
    for backup, why in (
        (replace(plan.backup, header=header), "value.Conn: a func"),
        (replace(plan.backup, end=replace(plan.backup.end, lossy=True)), cut),
    ):
        conditions = restore._conditions(backup, asyncio.run(link.maps())[0], [])
        assert [(c.name, c.why) for c in conditions if not c.holds] == [("lossless", why)]
