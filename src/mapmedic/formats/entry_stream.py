"""Entries of a map as frames (docs/reference/agent-api.yaml, streamEntries), and the header of a backup file.

frame*   length (4 bytes, big-endian), payload: one entry as JSON
0        a frame of length zero
trailer  one frame: {"entries": N, "unencodable": M, "lossy": false, "sha256": hex over all payloads},
         and "first_unencodable": why, where M is not 0
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from mapmedic.errors import FormatError
from mapmedic.formats.agent import parse_object, whole_number
from mapmedic.model.backup import BackupHeader, StreamEnd
from mapmedic.model.units import UnixNanoseconds

MAX_ENTRY_BYTES = 8 << 20
MAX_HEADER_BYTES = 1 << 20
HEADER_SCHEMA = "mapmedic.backup/1"
_MAX_TRAILER_BYTES = 4096
_LENGTH_BYTES = 4
_WHAT, _HEADER = "entry stream", "backup header"


class StreamReader:
    """Cut a stream into entries as it arrives and check it against its trailer; holds one frame at most."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._offset = 0
        self._entries = 0
        self._digest = hashlib.sha256()
        self._in_trailer = False
        self._end: StreamEnd | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that ``data`` completes; FormatError where it is no such stream."""
        self._pending += data
        payloads, at = [], 0
        while (payload := self._frame_at(at)) is not None:
            at += _LENGTH_BYTES + len(payload)
            if self._end is not None:
                raise FormatError(_WHAT, "there is more after its trailer", self._offset + at)
            if self._in_trailer:
                self._end = self._checked(payload)
            elif payload:
                payloads.append(payload)
                self._entries += 1
                self._digest.update(payload)
            else:
                self._in_trailer = True
        del self._pending[:at]
        self._offset += at
        return payloads

    def finish(self) -> StreamEnd:
        """Return the trailer once everything has been fed; FormatError where the stream was cut short."""
        if self._end is None or self._pending:
            why = "cut short: it has no trailer" if self._end is None else "there is more after its trailer"
            raise FormatError(_WHAT, f"{why} ({self._entries:,} entries)", self._offset + len(self._pending))
        return self._end

    def _frame_at(self, at: int) -> bytes | None:
        if len(self._pending) - at < _LENGTH_BYTES:
            return None
        length = int.from_bytes(self._pending[at : at + _LENGTH_BYTES], "big")
        most = _MAX_TRAILER_BYTES if self._in_trailer else MAX_ENTRY_BYTES
        if length > most:
            raise FormatError(
                _WHAT, f"a frame of {length:,} bytes, more than the {most:,} allowed", self._offset + at
            )
        end = at + _LENGTH_BYTES + length
        return bytes(self._pending[at + _LENGTH_BYTES : end]) if end <= len(self._pending) else None

    def _checked(self, payload: bytes) -> StreamEnd:
        facts = parse_object(payload, "entry stream trailer")
        entries, unencodable = whole_number(facts.get("entries")), whole_number(facts.get("unencodable"))
        sha256, lossy = facts.get("sha256"), facts.get("lossy")
        wrong = not isinstance(sha256, str) or not isinstance(lossy, bool | None)
        if entries is None or unencodable is None or wrong:
            raise FormatError(_WHAT, "its trailer is not as the agent writes it", self._offset)
        if entries != self._entries:
            raise FormatError(_WHAT, f"{self._entries:,} entries, but its trailer says {entries:,}")
        if sha256 != self._digest.hexdigest():
            raise FormatError(_WHAT, "its entries do not have the SHA-256 of its trailer")
        return StreamEnd(entries, unencodable, sha256, str(facts.get("first_unencodable", "")), lossy)


def encode_frame(payload: bytes) -> bytes:
    """Return ``payload`` as a frame."""
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


def encode_stream(payloads: list[bytes], *, lossy: bool | None = False) -> bytes:
    """Return a complete stream of ``payloads``, trailer included, which says ``lossy`` unless that is None."""
    digest = hashlib.sha256()
    for payload in payloads:
        digest.update(payload)
    return b"".join(map(encode_frame, payloads)) + encode_end(len(payloads), digest.hexdigest(), lossy=lossy)


def encode_end(entries: int, sha256: str, *, lossy: bool | None = False) -> bytes:
    """Return what follows the last of ``entries`` frames: an empty one, and the trailer."""
    trailer: dict[str, object] = {"entries": entries, "unencodable": 0, "sha256": sha256}
    if lossy is not None:
        trailer["lossy"] = lossy
    return encode_frame(b"") + encode_frame(json.dumps(trailer).encode())


def encode_header(header: BackupHeader) -> bytes:
    """Return the first frame of a backup file."""
    facts = {"schema": HEADER_SCHEMA, **asdict(header)}
    facts["taken_at_unix_ns"] = facts.pop("taken_at")
    return encode_frame(json.dumps(facts).encode())


def parse_header(data: bytes) -> tuple[BackupHeader, int]:
    """Return the header at the start of ``data`` and where the entries begin; FormatError where there is none."""
    length = int.from_bytes(data[:_LENGTH_BYTES], "big")
    payload = data[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if not 0 < length <= MAX_HEADER_BYTES or len(payload) < length:
        raise FormatError(_HEADER, "it does not begin as a backup of mapmedic does", 0)
    return _header(parse_object(payload, _HEADER)), _LENGTH_BYTES + length


def _header(facts: dict[str, Any]) -> BackupHeader:
    if facts.get("schema") != HEADER_SCHEMA:
        raise FormatError(_HEADER, f"not a {HEADER_SCHEMA}", 0)
    losses = facts.get("losses")
    if not isinstance(facts.get("lossless"), bool) or not isinstance(losses, list):
        raise FormatError(_HEADER, "it does not say what its entries lose in a file")
    texts = {
        name: _text(facts, name)
        for name in ("map", "kind", "type", "target", "strategy", "operation", "by", "tool_version")
    }
    return BackupHeader(
        **texts,
        entries=_count(facts, "entries"),
        lossless=facts["lossless"],
        losses=tuple(str(loss) for loss in losses),
        taken_at=UnixNanoseconds(_count(facts, "taken_at_unix_ns")),
    )


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise FormatError(_HEADER, f"its {name} is not a text")
    return value


def _count(facts: dict[str, Any], name: str) -> int:
    value = whole_number(facts.get(name))
    if value is None:
        raise FormatError(_HEADER, f"its {name} is not a count")
    return value
