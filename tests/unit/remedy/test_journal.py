"""The journal: private, durable, in its folder whatever the map is called."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from pathlib import Path

import pytest

from mapmedic.errors import CouldNotLook
from mapmedic.remedy import journal as journal_module
from mapmedic.remedy.journal import Journal, default_folder


def test_lines_and_mode(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a" / "b", "main.T.m")
    journal.write("planned", plan={"map": "x"}, odd={1})
    journal.write("detached", name="\ud800 \u202e")
    first, second = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert (first["schema"], first["event"], first["plan"]) == ("mapmedic.journal/1", "planned", {"map": "x"})
    assert second["event"] == "detached" and second["at_unix_ns"] >= first["at_unix_ns"]
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    journal.close()


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..", "", "a\0b", "a\nb", "x" * 5000, "地図" * 200, "main.T[a/b].m"],
)
def test_names_that_are_paths_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    journal = Journal(tmp_path / "j", name)
    journal.close()
    assert [journal.path] == list((tmp_path / "j").iterdir())


def test_two_fixes_in_one_moment_are_two_journals(tmp_path: Path) -> None:
    assert len({Journal(tmp_path, "m").path for _ in range(20)}) == 20


def test_a_line_is_synced_before_write_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "m")
    done: list[str] = []
    monkeypatch.setattr(journal_module.os, "fsync", lambda _fd: done.append(journal.path.read_text()))
    journal.write("detaching")
    assert len(done) == 1 and '"detaching"' in done[0]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    journal = Journal(tmp_path, "m")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal_module.os, failing, full)
    with pytest.raises(CouldNotLook, match="No space left"):
        journal.write("detaching")


def test_a_disk_that_takes_a_part_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "m")
    write = os.write
    monkeypatch.setattr(journal_module.os, "write", lambda fd, data: write(fd, data[:7]))
    journal.write("detaching", map="m")
    assert json.loads(journal.path.read_text())["map"] == "m"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CouldNotLook, match="cannot write a journal"):
        Journal(tmp_path / "file" / "sub", "m")
    with pytest.raises(CouldNotLook, match="cannot write a journal"):
        Journal(Path("/proc/nowhere"), "m")


def test_where_journals_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "mapmedic" / "journal"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "state" / "mapmedic" / "journal"


def test_the_schema_knows_every_event_that_remedy_writes() -> None:
    package = Path(journal_module.__file__).parent
    written = {"committed", "undone", "expired"}  # states of an operation become events of their own
    for file in package.glob("*.py"):
        written |= set(re.findall(r'(?:journal\.write|note)\((?:journal, )?"(\w+)"', file.read_text()))
    schema = json.loads((package.parent / "schemas" / "journal-1.json").read_text())
    assert written == set(schema["properties"]["event"]["enum"])
