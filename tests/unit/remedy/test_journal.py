"""The journal: private, durable, in its folder whatever the map is called."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from pathlib import Path

import pytest

from mapmedic.capture.journal_file import iter_events, read_journal
from mapmedic.errors import CouldNotLook, JournalUnwritable
from mapmedic.remedy import journal as journal_module
from mapmedic.remedy.journal import Journal, default_folder, is_in_use


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


# Rooms whose events are named by constants.
ROOMS = ("outside", "call", "collections", "tune", "rollout")


def test_the_schema_knows_every_event_that_remedy_writes() -> None:
    package = Path(journal_module.__file__).parent
    written = {"committed", "undone", "expired"}  # states of an operation become events of their own
    for file in package.rglob("*.py"):
        text = file.read_text()
        written |= set(re.findall(r'(?:journal\.write|note)\((?:journal, )?"([\w.]+)"', text))
        for line in re.findall(r'^[A-Z_, ]+ = ("[\w.]+"(?:, "[\w.]+")*)$', text, re.MULTILINE):
            written |= {
                event for event in re.findall(r'"([\w.]+)"', line) if event.partition(".")[0] in ROOMS
            }
    schema = json.loads((package.parent / "schemas" / "journal-1.json").read_text())
    assert written == set(schema["properties"]["event"]["enum"])


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_keeps_a_journal_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(*_: object) -> None:  # a mock: no such file system is at hand
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(journal_module.fcntl, "flock", no_locks)
    journal = Journal(tmp_path, "m")
    journal.write("planned")
    assert is_in_use(journal.path)  # we live, and its name says that it is ours
    journal.close()
    ended = journal.path.with_name(journal.path.name.replace(f"-{os.getpid()}-", f"-{1 << 22}-"))
    journal.path.rename(ended)
    assert not is_in_use(ended)
    # Of a process that is younger than the journal: its number was given to another.
    old = ended.with_name(f"20010101T000000.000000001-{os.getpid()}-m.jsonl")
    ended.rename(old)
    assert not is_in_use(old)


def test_another_error_of_the_lock_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(journal_module.fcntl, "flock", broken)
    with pytest.raises(JournalUnwritable):
        Journal(tmp_path, "m")


def test_going_on_writes_nothing_before_there_is_something_to_say(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_bytes(b"no journal at all")
    Journal.go_on(other).close()
    assert other.read_bytes() == b"no journal at all"
    cut = Journal(tmp_path, "m")
    cut.write("planned")
    cut.close()
    cut.path.write_bytes(cut.path.read_bytes() + b'{"schema": "mapmedic.jou')
    later = Journal.go_on(cut.path)
    with pytest.raises(JournalUnwritable, match="another run"):
        Journal.go_on(cut.path)
    for _ in range(2):
        later.write("refused")
    later.close()
    lines = read_journal(cut.path)
    assert [each.name for each in lines.events] == ["planned", "refused", "refused"] and lines.damaged == 1


def test_a_long_journal_is_scanned_to_its_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "m")
    for _ in range(2000):
        journal.write_in_a_stop("outside.writing", evidence="x" * 1000)
    journal.write_in_a_stop(
        "outside.planned", evidence="collections.begun" * 100_000
    )  # a line of more than a MiB
    journal.write("collections.begun", pid=7)
    journal.close()
    assert [each.facts["pid"] for each in iter_events(journal.path, ("collections.begun",))] == [7]


def test_a_line_that_a_full_disk_cut_spoils_none_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "m")
    journal.write("planned")
    write, takes = os.write, iter([9, 0])

    def filling(descriptor: int, data: bytes) -> int:  # a mock: the disk takes nine bytes more
        most = next(takes, None)
        if most == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:most])

    monkeypatch.setattr(journal_module.os, "write", filling)
    with pytest.raises(JournalUnwritable):
        journal.write("detaching")
    journal.write("nothing_detached", why="full")
    journal.close()
    assert [each.name for each in read_journal(journal.path).events] == ["planned", "nothing_detached"]
