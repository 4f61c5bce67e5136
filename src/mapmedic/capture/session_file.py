"""The session file: a tar of raw bytes that is readable at every moment of its life.

Each member carries its kind, visit, time, origin and SHA-256 in its own PAX header, and
``manifest.json`` comes last. A file whose manifest is missing was cut short: its whole members are
read, and the session says that it is incomplete. Any `tar` opens it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from mapmedic.errors import CouldNotLook, OutputExists, SessionDamaged
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds

SCHEMA = "mapmedic.session/1"
MANIFEST = "manifest.json"
MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 1 << 30
MAX_SESSION_BYTES = 4 << 30
_PREFIX = "MAPMEDIC."


class SessionWriter:
    """Write artifacts as they arrive; the name without ``.partial`` appears only when all is there.

    OutputExists where ``path`` is there already and ``force`` is not given; CouldNotLook where it
    cannot be written.
    """

    def __init__(self, path: Path, target: str, tool_version: str, *, force: bool = False) -> None:
        if path.exists() and not force:
            raise OutputExists(str(path))
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self._header = {"schema": SCHEMA, "target": target, "tool_version": tool_version}
        self._entries: list[dict[str, Any]] = []
        self._blanks: list[dict[str, str]] = []
        try:
            # 0600: a heap profile names code, a command line may name secrets.
            descriptor = os.open(self.partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        except OSError as error:
            raise CouldNotLook(f"cannot write {self.partial}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(  # noqa: SIM115 - closed in __exit__ or finish
            fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT,
            pax_headers={_PREFIX + key: value for key, value in self._header.items()},
        )  # fmt: skip

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self._file.close()

    def add(self, artifact: Artifact) -> None:
        """Append ``artifact`` and push it to the disk's cache at once."""
        entry = _entry_of(artifact)
        info = tarfile.TarInfo(f"{artifact.visit:04d}/{len(self._entries):05d}-{artifact.kind}")
        info.size, info.mtime, info.mode = len(artifact.data), artifact.taken_at // 1_000_000_000, 0o600
        info.pax_headers = {_PREFIX + key: str(value) for key, value in entry.items()}
        self._tar.addfile(info, io.BytesIO(artifact.data))
        self._entries.append({"member": info.name, **entry})
        self._file.flush()

    def add_blank(self, blank: Blank) -> None:
        """Record what could not be captured."""
        self._blanks.append({"what": blank.what, "why": blank.why})

    def finish(self) -> Path:
        """Write the manifest, make it durable and give the file its name; return the name."""
        manifest = {**self._header, "artifacts": self._entries, "not_captured": self._blanks}
        raw = json.dumps(manifest, indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(raw), 0o600
        self._tar.addfile(info, io.BytesIO(raw))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.partial.replace(self.path)
        return self.path


def _entry_of(artifact: Artifact) -> dict[str, Any]:
    return {
        "kind": artifact.kind,
        "visit": artifact.visit,
        "taken_at": artifact.taken_at,
        "source": artifact.source,
        "sha256": hashlib.sha256(artifact.data).hexdigest(),
    }


def read_session(path: Path) -> Session:
    """Return the session at ``path``; SessionDamaged where its bytes do not match their hashes.

    A session cut short is returned with what is whole and ``complete=False``.
    """
    artifacts: list[Artifact] = []
    manifest: dict[str, Any] | None = None
    header: dict[str, str] = {}
    try:
        with tarfile.open(path, mode="r:") as tar:
            header = {k.removeprefix(_PREFIX): v for k, v in tar.pax_headers.items() if k.startswith(_PREFIX)}
            if header.get("schema") != SCHEMA:
                raise SessionDamaged(str(path), f"not a {SCHEMA} file")
            for name, fields, data in _whole_members(path, tar):
                if name == MANIFEST:
                    manifest = _parse_manifest(path, data)
                else:
                    artifacts.append(_artifact(path, name, fields, data))
    except (tarfile.TarError, EOFError) as error:
        # Nothing of a cut-short file is lost: what was whole is already in `artifacts`.
        if not header:
            raise SessionDamaged(str(path), f"not a session: {error}") from error
    except OSError as error:
        raise CouldNotLook(f"cannot read {path}: {error.strerror or error}") from error
    return _assemble(path, header, artifacts, manifest)


def _whole_members(path: Path, tar: tarfile.TarFile) -> Iterator[tuple[str, dict[str, str], bytes]]:
    total = 0
    for count, member in enumerate(tar):
        total += member.size
        if count >= MAX_MEMBERS or member.size > MAX_MEMBER_BYTES or total > MAX_SESSION_BYTES:
            raise SessionDamaged(str(path), f"too large: member {count} brings it to {total:,} bytes")
        if not member.isfile():
            raise SessionDamaged(str(path), f"{member.name!r} is no regular file")
        handle = tar.extractfile(member)
        data = handle.read() if handle else b""
        if len(data) != member.size:
            return
        yield member.name, {str(k): str(v) for k, v in member.pax_headers.items()}, data


def _artifact(path: Path, name: str, fields: dict[str, str], data: bytes) -> Artifact:
    try:
        entry = {key: fields[_PREFIX + key] for key in ("kind", "visit", "taken_at", "source", "sha256")}
        visit, taken_at = int(entry["visit"]), int(entry["taken_at"])
    except (KeyError, ValueError) as error:
        raise SessionDamaged(str(path), f"member {name!r} does not say what it is: {error}") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise SessionDamaged(str(path), f"member {name!r} does not match its SHA-256")
    return Artifact(entry["kind"], visit, UnixNanoseconds(taken_at), entry["source"], data)


def _parse_manifest(path: Path, data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SessionDamaged(str(path), f"its manifest does not parse: {error}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("artifacts"), list):
        raise SessionDamaged(str(path), "its manifest lists no artifacts")
    return manifest


def _assemble(
    path: Path, header: dict[str, str], artifacts: list[Artifact], manifest: dict[str, Any] | None
) -> Session:
    blanks: tuple[Blank, ...] = ()
    if manifest is not None:
        if len(manifest["artifacts"]) != len(artifacts):
            raise SessionDamaged(str(path), "its manifest and its members differ in number")
        listed = manifest.get("not_captured")
        blanks = tuple(
            Blank(str(blank.get("what")), str(blank.get("why")))
            for blank in (listed if isinstance(listed, list) else [])
            if isinstance(blank, dict)
        )
    return Session(
        target=header.get("target", ""),
        tool_version=header.get("tool_version", ""),
        artifacts=tuple(artifacts),
        not_captured=blanks,
        complete=manifest is not None,
    )
