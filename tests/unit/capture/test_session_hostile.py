"""Tars that are no sessions, or want more than a session may: refused, in little memory."""

from __future__ import annotations

import hashlib
import io
import resource
import tarfile
from pathlib import Path

import pytest

from mapmedic.capture import session_file
from mapmedic.capture.observe import observe_file
from mapmedic.capture.session_file import BOUNDS
from mapmedic.capture.tar_members import Bounds
from mapmedic.errors import SessionDamaged
from tests.unit.capture.sessions import SAMPLE, read_bytes, write


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


def test_a_session_of_another_version_says_which(tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    data = write(path).replace(b"=mapmedic.session/1\n", b"=mapmedic.session/7\n")
    with pytest.raises(SessionDamaged, match=r"it is a 'mapmedic\.session/7', written by version '\d"):
        read_bytes(path, data)


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
