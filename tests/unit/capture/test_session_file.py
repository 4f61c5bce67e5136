"""The session file: what goes in comes out; what was cut or changed is noticed; nobody's file is written over."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic.capture import session_file
from mapmedic.capture.observe import observe_file
from mapmedic.capture.session_file import BOUNDS, SessionWriter, read_session
from mapmedic.capture.tar_members import Bounds
from mapmedic.errors import CouldNotLook, MapmedicError, OutputExists, SessionDamaged, UsageError
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds

ARTIFACTS = st.builds(
    Artifact,
    kind=st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True).filter(lambda kind: kind != "blank"),
    visit=st.integers(0, 9999),
    taken_at=st.integers(0, 2**63).map(UnixNanoseconds),
    source=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    data=st.binary(max_size=2000),
)
BLANKS = st.builds(Blank, what=st.text(max_size=50), why=st.text(max_size=50))
SAMPLE = (
    Artifact(
        "heap_text", 0, UnixNanoseconds(1_795_405_512 * 10**9), "http://svc/debug/pprof/heap?debug=1", b"heap"
    ),
    Artifact("metrics", 0, UnixNanoseconds(1_795_405_513 * 10**9), "http://svc/metrics", b"m" * 70),
)


def write(path: Path, artifacts: tuple[Artifact, ...] = SAMPLE, blanks: tuple[Blank, ...] = ()) -> bytes:
    with SessionWriter(path, "http://svc", "0.1.0", force=True) as writer:
        for artifact in artifacts:
            writer.add(artifact)
        for blank in blanks:
            writer.add_blank(blank)
        writer.finish()
    return path.read_bytes()


def read_bytes(path: Path, data: bytes) -> Session:
    path.write_bytes(data)
    return read_session(path)


@settings(max_examples=60, deadline=None)
@given(
    artifacts=st.lists(ARTIFACTS, max_size=8),
    blanks=st.lists(BLANKS, max_size=5),
    target=st.text(max_size=300),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, artifacts: list[Artifact], blanks: list[Blank], target: str
) -> None:
    path = tmp_path_factory.mktemp("round") / "s.mapmedic"
    with SessionWriter(path, target, "0.1.0") as writer:
        for artifact in artifacts:
            writer.add(artifact)
        for blank in blanks:
            writer.add_blank(blank)
        writer.finish()
    shown = target.encode("utf-8", "backslashreplace").decode()
    assert read_session(path) == Session(shown, "0.1.0", tuple(artifacts), tuple(blanks), complete=True)
    with tarfile.open(path) as tar:
        assert tar.getnames()[-1] == "manifest.json", "any tar opens it"


def test_truncated_at_any_byte_it_is_readable_or_clearly_damaged(tmp_path: Path) -> None:
    data = write(tmp_path / "s.mapmedic", blanks=(Blank("agent_maps", "none"),))
    path, whole, seen = tmp_path / "cut", read_session(tmp_path / "s.mapmedic"), set()
    manifest_end = data.rindex(b"}") + 1
    manifest_end += -manifest_end % 512
    for length in (*range(0, manifest_end - 520, 3), *range(manifest_end - 520, manifest_end + 2)):
        try:
            session = read_bytes(path, data[:length])
        except SessionDamaged as error:
            seen.add("damaged")
            assert "cut short before anything" in error.why
            assert length < 1536
            continue
        assert session.artifacts == whole.artifacts[: len(session.artifacts)]
        assert session.complete == (length >= manifest_end)
        seen.add(len(session.artifacts))
    assert seen == {"damaged", 0, 1, 2}


def test_every_bit_counts(tmp_path: Path) -> None:
    """Flip a bit in each byte that is not padding: the session is damaged or cut, or says what it said."""
    data = write(tmp_path / "s.mapmedic", blanks=(Blank("agent_maps", "none"),))
    whole, path = read_session(tmp_path / "s.mapmedic"), tmp_path / "flipped"
    noticed = unchanged = 0
    end = data.rindex(b"}") + 1
    for at in (at for at in range(end) if data[at] or at % 7 == 0):  # of the zeros a seventh
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        try:
            session = read_bytes(path, bytes(flipped))
        except SessionDamaged:
            noticed += 1
            continue
        assert session == whole, f"byte {at} changed what the session says"
        unchanged += 1
        assert data[at] == 0 or data[at : at + 1].isspace() or at % 512 > 100, at
    assert noticed > 2000 and unchanged < noticed


@settings(max_examples=300, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 10240),
)
def test_no_damage_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]], cut: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = bytearray(write(folder / "fuzzed.mapmedic"))
    for at, mask in flips:
        data[at % len(data)] ^= mask
    with suppress(SessionDamaged):
        read_bytes(folder / "fuzzed", bytes(data[:cut]))


# --- hostile tars ---


def tar_of(
    *members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], header: dict[str, str] | None = None
) -> bytes:
    if header is None:
        header = {"MAPMEDIC.schema": "mapmedic.session/1", "MAPMEDIC.target": "t"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=header) as tar:
        for member in members:
            info, data = member if isinstance(member, tuple) else (member, b"")
            if data:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, **records: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.pax_headers = kind, {key.replace("__", "."): value for key, value in records.items()}
    return member


def labelled(data: bytes, **changes: str) -> tuple[tarfile.TarInfo, bytes]:
    records = {
        "kind": "metrics",
        "visit": "0",
        "taken_at": "1",
        "source": "s",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    records |= changes
    return info("0000/00000-metrics", **{f"MAPMEDIC__{key}": value for key, value in records.items()}), data


def size_field(data: bytes, at: int, size: bytes) -> bytes:
    """Rewrite the size of the header at ``at`` with a checksum that fits."""
    block = bytearray(data[at : at + 512])
    block[124:136] = size.ljust(12, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return data[:at] + bytes(block) + data[at + 512 :]


SPARSE = {"GNU__sparse__major": "1", "GNU__sparse__minor": "0", "GNU__sparse__realsize": str(1 << 50)}
EMPTY = tar_of()
EMPTY_MANIFEST = (info("manifest.json"), b'{"schema": "mapmedic.session/1", "target": "t", "members": []}')
HOSTILE = {
    "not ours": tar_of(info("etc/passwd"), header={}),
    "another schema": tar_of(header={"MAPMEDIC.schema": "mapmedic.session/2"}),
    "absolute name": tar_of(info("/etc/passwd")),
    "dots": tar_of(info("../../etc/passwd")),
    "symbolic link": tar_of(info("x", tarfile.SYMTYPE)),
    "hard link": tar_of(info("x", tarfile.LNKTYPE)),
    "device": tar_of(info("x", tarfile.CHRTYPE)),
    "fifo": tar_of(info("x", tarfile.FIFOTYPE)),
    "directory": tar_of(info("x", tarfile.DIRTYPE)),
    "GNU sparse": tar_of(info("x", tarfile.GNUTYPE_SPARSE)),
    "PAX sparse": tar_of(info("x", **SPARSE)),
    "PAX size": tar_of(info("x", size=str(1 << 60))),
    "PAX path": tar_of(info("x" * 300)),
    "long name": tar_of(info("x", tarfile.GNUTYPE_LONGNAME)),
    "huge size": size_field(tar_of(labelled(b"x")), 2048, b"77777777777"),
    "base-256 size": size_field(tar_of(labelled(b"x")), 2048, b"\x80" + bytes(10) + b"\x01"),
    "negative size": size_field(tar_of(labelled(b"x")), 2048, b"\xff" * 11 + b"\xfe"),
    "underscored size": size_field(tar_of(labelled(b"x")), 2048, b"1_0"),
    "no label": tar_of(info("0000/00000-metrics")),
    "label lacks a word": tar_of(info("0000/00000-metrics", MAPMEDIC__kind="metrics")),
    "visit is no number": tar_of(labelled(b"x", visit="zero")),
    "visit is negative": tar_of(labelled(b"x", visit="-1")),
    "visit has 5000 digits": tar_of(labelled(b"x", visit="1" * 5000)),
    "time is no number": tar_of(labelled(b"x", taken_at="1e9")),
    "wrong hash": tar_of(labelled(b"x", sha256="0" * 64)),
    "an unknown label": tar_of(labelled(b"x", colour="red")),
    "blank is not JSON": tar_of(labelled(b"{", kind="blank")),
    "blank is a list": tar_of(labelled(b"[]", kind="blank")),
    "manifest is not JSON": tar_of((info("manifest.json"), b"{")),
    "manifest is a list": tar_of((info("manifest.json"), b"[]")),
    "manifest nests": tar_of((info("manifest.json"), b"[" * 100_000)),
    "manifest lies": tar_of(labelled(b"x"), EMPTY_MANIFEST),
    "two manifests": tar_of(*[EMPTY_MANIFEST] * 2),
    "two global headers": EMPTY[:1024] + EMPTY,
    "name is not ASCII": tar_of(info("\xe9")),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tars_are_refused(name: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = tmp_path / "hostile.mapmedic"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(SessionDamaged) as caught:
        observe_file(path)
    assert caught.value.path == str(path) and caught.value.why
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_what_a_header_declares_is_not_allocated(tmp_path: Path) -> None:
    at = len(EMPTY) - 10240 + 1024
    data = size_field(tar_of(labelled(b"x")), 2048, b"%o" % (512 << 20))
    path = tmp_path / "s"
    assert at > 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not read_bytes(path, data).complete
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    "record",
    [b"30 MAPMEDIC.a=b\n", b"0 MAPMEDIC.a=b\n", b"x MAPMEDIC.a=b\n", b"16 MAPMEDIC.a=bb", b"99999999999 k=v\n",
     b"16 MAPMEDIC.a=\xff\n", b"13 k\xff\xff\xff=vvvvv\n", b"-5 a=b\n", b"5 a=\n", b"\n", b"16 MAPMEDIC.a=b\n" * 2],
)  # fmt: skip
def test_pax_records_that_do_not_add_up(record: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    block = header.tobuf(tarfile.USTAR_FORMAT) + record.ljust(-(-len(record) // 512) * 512, b"\0")
    with pytest.raises(SessionDamaged):
        read_bytes(tmp_path / "s", EMPTY[:1024] + block + bytes(1024))


def test_members_and_bytes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "s.mapmedic", SAMPLE * 3)
    for bounds, why in (
        (Bounds(2, 1 << 20, 1 << 20), "more than 2 members"),
        (Bounds(9, 60, 1 << 20), "too large"),
        (Bounds(9, 1 << 20, 1500), "too large"),
    ):
        monkeypatch.setattr(session_file, "BOUNDS", bounds)
        with pytest.raises(SessionDamaged, match=why):
            read_bytes(tmp_path / "s", data)


def test_a_million_members_are_refused_quickly(tmp_path: Path) -> None:
    member, data = labelled(b"")
    one = tar_of((member, data))[1024:]
    one = one[: one.index(bytes(1024))].ljust(1536, b"\0")[:1536]
    with pytest.raises(SessionDamaged, match="more than"):
        read_bytes(tmp_path / "s", EMPTY[:1024] + one * (BOUNDS.members * 2))


# --- writing ---


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
