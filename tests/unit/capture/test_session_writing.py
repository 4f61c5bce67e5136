"""Writing a session: nobody's file is written over, and what is interrupted can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mapmedic.capture import session_file
from mapmedic.capture.observe import observe_file
from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.capture.tar_members import Bounds
from mapmedic.errors import CouldNotLook, MapmedicError, OutputExists, SessionDamaged, UsageError
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact
from mapmedic.model.units import UnixNanoseconds
from tests.unit.capture.sessions import SAMPLE, read_bytes, write


def test_what_would_not_be_read_back_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_file, "BOUNDS", Bounds(100, 5000, 20_000))
    monkeypatch.setattr(session_file, "_RESERVED_BYTES", 10_000)
    big = [
        Artifact("heap_text", 0, UnixNanoseconds(0), "s", bytes(size)) for size in (4000, 5001, 4000, 4000)
    ]
    write(tmp_path / "s.mapmedic", tuple(big))
    session = read_session(tmp_path / "s.mapmedic")
    assert session.complete and [len(a.data) for a in session.artifacts] == [4000, 4000]
    assert [blank.what for blank in session.not_captured] == ["heap_text", "heap_text"]
    assert "too large" in session.not_captured[0].why


def test_nothing_is_written_over_without_force(tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    path.write_text("mine")
    with pytest.raises(OutputExists):
        SessionWriter(path, "t", "v")
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]
    write(path)
    assert read_session(path).complete


def test_an_earlier_partial_is_not_written_over(tmp_path: Path) -> None:
    path, partial = tmp_path / "s.mapmedic", tmp_path / "s.mapmedic.partial"
    partial.write_text("an hour of captures")
    with pytest.raises(OutputExists) as caught:
        SessionWriter(path, "t", "v")
    assert caught.value.path == str(partial)
    assert partial.read_text() == "an hour of captures"
    write(path)
    assert not partial.exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_link_at_the_partial_path_is_not_followed(tmp_path: Path, force: bool) -> None:
    victim = tmp_path / "victim"
    victim.write_text("somebody's")
    (tmp_path / "s.mapmedic.partial").symlink_to(victim)
    try:
        with SessionWriter(tmp_path / "s.mapmedic", "t", "v", force=force) as writer:
            writer.add(SAMPLE[0])
            writer.finish()
    except OutputExists:
        assert not force
    assert victim.read_text() == "somebody's"


def test_what_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    with SessionWriter(path, "t", "v") as writer:
        writer.add(SAMPLE[0])
        path.write_text("somebody was quicker")
        with pytest.raises(OutputExists):
            writer.finish()
    assert path.read_text() == "somebody was quicker"
    assert read_session(writer.partial).artifacts == SAMPLE[:1]


def test_a_filesystem_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuses)
    path = tmp_path / "s.mapmedic"
    with SessionWriter(path, "t", "v") as writer:
        writer.add(SAMPLE[0])
        writer.finish()
    assert read_session(path).complete
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with SessionWriter(tmp_path / "s.mapmedic", "t", "v") as writer:
            assert writer.partial.stat().st_mode & 0o777 == 0o600
            writer.add(SAMPLE[0])
            assert writer.finish().stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(old)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["", "no/such/folder/s", "x" * 300, "a\0b", "file/s"])
def test_where_nothing_can_be_written_nothing_is_begun(tmp_path: Path, name: str, force: bool) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError):
        SessionWriter(tmp_path / name, "t", "v", force=force)


def test_it_is_readable_at_every_moment_of_its_life(tmp_path: Path) -> None:
    with SessionWriter(tmp_path / "s", "t", "v") as writer:
        for count in range(3):
            session = read_session(writer.partial)
            assert (len(session.artifacts), len(session.not_captured), session.complete) == (
                count,
                count,
                False,
            )
            writer.add(SAMPLE[0])
            writer.add_blank(Blank("w", "y"))


def test_an_empty_start_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), SessionWriter(tmp_path / "s", "t", "v"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from mapmedic.capture.session_file import SessionWriter
from mapmedic.model.session import Artifact
from mapmedic.errors import CouldNotLook
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with SessionWriter(Path(sys.argv[1]), "t", "v") as writer:
        for number in range(9):
            writer.add(Artifact("metrics", number, 0, "s", bytes(50_000)))
        writer.finish()
except CouldNotLook as error:
    print(error)
"""


def test_a_full_disk_is_said_and_what_fitted_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    done = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True)
    partial = tmp_path / "s.mapmedic.partial"
    assert "File too large" in done.stdout and str(partial) in done.stdout
    assert done.stderr == ""
    session = read_session(partial)
    assert (len(session.artifacts), session.complete) == (3, False)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (
        tmp_path / "none",
        tmp_path,
        tmp_path / "pipe",
        Path("/dev/zero"),
        Path("a\0b"),
        Path("x" * 300),
    ):
        for read in (read_session, observe_file):
            with pytest.raises(CouldNotLook, match="cannot read"):
                read(path)


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 512, b"\0" * 10240, os.urandom(2048), b"ustar" * 500])
def test_what_is_no_session(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(SessionDamaged):
        read_bytes(tmp_path / "s", data)
    with pytest.raises(MapmedicError):
        observe_file(tmp_path / "s")
