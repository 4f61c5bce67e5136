"""The session file: a tar of raw bytes that is readable at every moment of its life.

Each member carries its kind, visit, time, origin and SHA-256 in its own PAX records. What could not be
captured is a member too, of kind ``blank``. ``manifest.json`` comes last and lists every other member, so
that nothing in a finished session can change unseen. A file without it was cut short: its whole members
are read, and the session says that it is incomplete. Any `tar` opens it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from mapmedic.capture.files import open_regular
from mapmedic.capture.partial_file import PartialFile
from mapmedic.capture.tar_members import PREFIX, Bounds, Member, iter_members
from mapmedic.errors import CannotRead, FormatError, SessionDamaged
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, LargeArtifact, Session, StoredBytes
from mapmedic.model.units import MIB, UnixNanoseconds

SCHEMA = "mapmedic.session/1"
_FAMILY = "mapmedic.session/"
_HEADER_LETTERS = 40
MANIFEST = "manifest.json"
BLANK = "blank"
# These stay in the file: whoever needs them reads them there (image_loading.py).
LARGE_KINDS = frozenset(("memory_image", "program"))
BOUNDS = Bounds(members=20_000, member_bytes=512 * MIB, total_bytes=2048 * MIB)
# What artifacts may not use up: the words about what is missing, and the manifest, must still fit.
_RESERVED_BYTES = 64 * MIB
_WHOLE_NUMBER = re.compile(r"\d{1,20}", re.ASCII)


class SessionWriter:
    """Write artifacts as they arrive; the name without ``.partial`` appears only when all is there.

    Before anything is captured: OutputExists where ``path`` or its ``.partial`` is there already and
    ``force`` is not given, CannotWrite where it cannot be made. CouldNotLook later, on a full disk.
    Leaving the context early keeps the partial file, unless nothing has arrived yet.
    """

    def __init__(self, path: Path, target: str, tool_version: str, *, force: bool = False) -> None:
        self.path = path
        self._header = {"schema": SCHEMA, "target": _encodable(target), "tool_version": tool_version}
        self._entries: list[dict[str, str]] = []
        self._bytes = 0
        self._out = PartialFile(path, force=force)
        self.partial = self._out.partial
        with self._out.writing():
            self._tar = tarfile.open(  # noqa: SIM115 - closed in __exit__ or finish
                fileobj=self._out.file, mode="w", format=tarfile.PAX_FORMAT,
                pax_headers={PREFIX + key: value for key, value in self._header.items()},
            )  # fmt: skip
            self._out.file.flush()

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.leave(keep=bool(self._entries))

    def add(self, artifact: Artifact) -> None:
        """Append ``artifact`` and push it to the disk's cache at once; beyond the bounds it becomes a blank."""
        size = len(artifact.data)
        if size > BOUNDS.member_bytes or self._bytes + size > BOUNDS.total_bytes - _RESERVED_BYTES:
            self.add_blank(
                Blank(artifact.kind, f"not kept: with its {size:,} bytes the session would be too large")
            )
        else:
            self._append(artifact)

    def add_large(self, artifact: LargeArtifact, progress: Callable[[float], None]) -> None:
        """Append what is too large to be held, and tell ``progress`` which share of it is there."""
        entry = _entry(artifact, artifact.sha256)
        with self._out.writing(kept=bool(self._entries)):
            source = _Chunks(artifact, progress)
            name = self._name(artifact.visit, artifact.kind)
            self._write(name, source, artifact.size, entry, artifact.taken_at // 1_000_000_000)
        self._entries.append({"member": name, **entry})

    def add_blank(self, blank: Blank) -> None:
        """Record what could not be captured."""
        data = json.dumps({"what": blank.what, "why": blank.why}).encode()
        self._append(Artifact(BLANK, 0, UnixNanoseconds(0), "", data))

    def what_is_left(self) -> tuple[str, ...]:
        """Return in words what an interrupted capture leaves behind; nothing where nothing had arrived."""
        if not self._entries:
            return ()
        read = f"mapmedic diagnose {shlex.quote(str(self.partial))}"
        return (f"what had arrived is kept in {self.partial}", f"next: {read}")

    def discard(self) -> None:
        """Give up a capture that brought nothing of use; its partial file goes."""
        self._entries.clear()

    def finish(self) -> Path:
        """Write the manifest, make it durable and give the file its name; return the name."""
        with self._out.writing(kept=bool(self._entries)):
            manifest = json.dumps(_manifest(self._header, self._entries), indent=1).encode()
            self._write(MANIFEST, io.BytesIO(manifest), len(manifest), {})
            self._tar.close()
            self._out.finish()
        return self.path

    def _append(self, artifact: Artifact) -> None:
        entry = _entry_of(artifact)
        name, data = self._name(artifact.visit, artifact.kind), artifact.data
        with self._out.writing(kept=bool(self._entries)):
            self._write(name, io.BytesIO(data), len(data), entry, artifact.taken_at // 1_000_000_000)
        self._entries.append({"member": name, **entry})
        self._bytes += len(artifact.data)

    def _name(self, visit: int, kind: str) -> str:
        return f"{visit:04d}/{len(self._entries):05d}-{kind}"

    def _write(
        self, name: str, data: io.RawIOBase | io.BytesIO, size: int, records: dict[str, str], mtime: int = 0
    ) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, mtime, 0o600
        info.pax_headers = {PREFIX + key: value for key, value in records.items()}
        self._tar.addfile(info, cast(IO[bytes], data))
        self._out.file.flush()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _entry_of(artifact: Artifact) -> dict[str, str]:
    # Only where it says something: sessions written before it was counted have no such record either.
    asked_again = {"attempts": str(artifact.attempts)} if artifact.attempts > 1 else {}
    return asked_again | _entry(artifact, hashlib.sha256(artifact.data).hexdigest())


def _entry(artifact: Artifact | LargeArtifact, sha256: str) -> dict[str, str]:
    return {
        "kind": artifact.kind,
        "visit": str(artifact.visit),
        "taken_at": str(artifact.taken_at),
        "source": _encodable(artifact.source),
        "sha256": sha256,
    }


class _Chunks(io.RawIOBase):
    """The bytes of a large artifact as a file to read from."""

    def __init__(self, artifact: LargeArtifact, progress: Callable[[float], None]) -> None:
        super().__init__()
        self._chunks, self._whole, self._progress = artifact.chunks(), artifact.size, progress
        self._chunk, self._at, self._given = b"", 0, 0

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or fewer where there are no more."""
        parts = []
        while size > 0:
            if self._at == len(self._chunk):
                self._given += len(self._chunk)
                self._progress(self._given / max(1, self._whole))
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    break
            parts.append(self._chunk[self._at : self._at + size])
            self._at += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)


def _manifest(header: dict[str, str], entries: list[dict[str, str]]) -> dict[str, Any]:
    return {**header, "members": entries}


def read_session(path: Path) -> Session:
    """Return the session at ``path``; SessionDamaged where its bytes do not match their hashes.

    A session cut short is returned with what is whole and ``complete=False``.
    """
    reader = _Reader(path)
    try:
        with open_regular(path) as file:
            for member in iter_members(file, BOUNDS, LARGE_KINDS):
                reader.take(member)
    except FormatError as error:
        raise SessionDamaged(str(path), f"{error.why} (byte {error.offset})") from error
    except OSError as error:
        raise CannotRead(str(path), error.strerror or str(error)) from error
    return reader.session()


class _Reader:
    """Takes the members of one session in turn and checks each against what it says of itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header: dict[str, str] = {}
        self._entries: list[dict[str, str]] = []
        self._artifacts: list[Artifact] = []
        self._blanks: list[Blank] = []
        self._stored: list[StoredBytes] = []
        self._complete = False

    def take(self, member: Member) -> None:
        if not self._header:
            self._take_header(member)
        elif self._complete:
            raise self._damaged(f"{member.name!r} follows the manifest")
        elif member.name == MANIFEST and member.data is not None:
            self._check_manifest(member.data)
        else:
            self._take_artifact(member)

    def session(self) -> Session:
        if not self._header:
            raise self._damaged("cut short before anything was in it")
        return Session(
            target=self._header.get("target", ""),
            tool_version=self._header.get("tool_version", ""),
            artifacts=tuple(self._artifacts),
            not_captured=tuple(self._blanks),
            complete=self._complete,
            stored=tuple(self._stored),
        )

    def _take_header(self, member: Member) -> None:
        if member.name or member.records.get("schema") != SCHEMA:
            raise self._damaged(f"not a {SCHEMA} file{_written_by(member.records)}")
        self._header = member.records

    def _take_artifact(self, member: Member) -> None:
        entry, data = member.records, member.data
        if set(entry) - {"attempts"} != {"kind", "visit", "taken_at", "source", "sha256"}:
            raise self._damaged(f"member {member.name!r} does not say what it is")
        numbers = (entry["visit"], entry["taken_at"], entry.get("attempts", "1"))
        if not all(_WHOLE_NUMBER.fullmatch(number) for number in numbers):
            raise self._damaged(f"member {member.name!r} has no number or no time")
        if data is not None and hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise self._damaged(f"member {member.name!r} does not match its SHA-256")
        self._entries.append({"member": member.name, **entry})
        if entry["kind"] == BLANK:
            self._blanks.append(self._blank(member))
            return
        visit, taken_at, attempts = map(int, numbers)
        if data is None:
            known = (entry["kind"], visit, UnixNanoseconds(taken_at), entry["source"])
            self._stored.append(StoredBytes(*known, member.size, entry["sha256"], member.offset))
            return
        self._artifacts.append(
            Artifact(entry["kind"], visit, UnixNanoseconds(taken_at), entry["source"], data, attempts)
        )

    def _blank(self, member: Member) -> Blank:
        value = self._json(member)
        return Blank(str(value.get("what", "")), str(value.get("why", "")))

    def _check_manifest(self, data: bytes) -> None:
        if self._json(Member(MANIFEST, {}, data)) != _manifest(self._header, self._entries):
            raise self._damaged("its manifest and its members differ")
        self._complete = True

    def _json(self, member: Member) -> dict[str, Any]:
        try:
            value = json.loads(member.data or b"")
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"{member.name!r} does not parse: {error}") from error
        if not isinstance(value, dict):
            raise self._damaged(f"{member.name!r} is no JSON object")
        return value

    def _damaged(self, why: str) -> SessionDamaged:
        return SessionDamaged(str(self._path), why)


def _written_by(records: Mapping[str, str]) -> str:
    """Return what the header of a session of another version says of itself, in words."""
    if not records.get("schema", "").startswith(_FAMILY):
        return ""
    told, version = records["schema"][:_HEADER_LETTERS], records.get("tool_version", "?")[:_HEADER_LETTERS]
    return f": it is a {told!r}, written by version {version!r} of mapmedic"
