"""Read tar files of the kind that ``session_file`` writes, and no other kind.

A session may come from anywhere, so it is not read with ``tarfile``: that obeys links, sparse maps,
base-256 and negative sizes and PAX records that override a member's size, and allocates what a header
declares. Here a tar is plain ustar blocks: global and per-member PAX records of our own, regular files, an
end. Upstream: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mapmedic.errors import FormatError

PREFIX = "MAPMEDIC."
"""What the PAX records that mean something to us start with."""
BLOCK_BYTES = 512
_WHAT = "session"
_MAX_RECORDS_BYTES = 1 << 20
_HARMLESS_RECORDS = frozenset(("mtime", "hdrcharset"))
_GLOBAL_RECORDS, _MEMBER_RECORDS, _FILE = b"g", b"x", (b"0", b"\0")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most members, bytes in one of them, and bytes in all."""

    members: int
    member_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the tar with the PAX records before it (prefix removed); ``name`` is empty for global ones.

    ``data`` None was left where it is: ``size`` bytes from ``offset`` on.
    """

    name: str
    records: dict[str, str]
    data: bytes | None
    offset: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Header:
    kind: bytes
    name: str
    size: int


def iter_members(file: BinaryIO, bounds: Bounds, left: Container[str] = ()) -> Iterator[Member]:
    """Yield the whole members of ``file``, its global records first; those of a kind in ``left`` are not read.

    Where the file ends in the middle of a member, so does the iteration. FormatError for whatever is
    not a tar of ours or goes beyond ``bounds`` (of those that are left, how many there are); nothing that a header
    declares is allocated before it is known to be there.
    """
    end = os.fstat(file.fileno()).st_size
    offset, total, records = 0, 0, dict[str, str]()
    for count in range(3 * bounds.members):
        block = file.read(BLOCK_BYTES)
        if len(block) < BLOCK_BYTES or not block.strip(b"\0"):
            return
        header = _parse_header(block, offset)
        is_left = header.kind in _FILE and records.get("kind") in left
        total += 0 if is_left else header.size
        if (not is_left and header.size > bounds.member_bytes) or total > bounds.total_bytes:
            raise FormatError(_WHAT, f"too large: {header.name!r} brings it to {total:,} bytes", offset)
        body = offset + BLOCK_BYTES
        offset = body + -(-header.size // BLOCK_BYTES) * BLOCK_BYTES
        if offset > end:
            return
        if is_left:
            file.seek(offset)
            yield Member(header.name, records, None, body, header.size)
            records = {}
            continue
        data = file.read(offset - body)[: header.size]
        if header.kind in _FILE:
            yield Member(header.name, records, data)
            records = {}
        elif header.kind == _GLOBAL_RECORDS and count == 0:
            yield Member("", _parse_records(data, body), b"")
        elif header.kind == _MEMBER_RECORDS and not records:
            records = _parse_records(data, body)
        else:
            raise FormatError(_WHAT, f"{header.name!r} is no regular file (type {header.kind!r})", body)
    raise FormatError(_WHAT, f"more than {bounds.members:,} members", offset)


def _parse_header(block: bytes, offset: int) -> _Header:
    checksum = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if block[257:263] != b"ustar\0" or _octal(block[148:156], offset) != checksum:
        raise FormatError(_WHAT, "not a tar header, or one that was changed", offset)
    kind, size = block[156:157], _octal(block[124:136], offset)
    if kind in (_GLOBAL_RECORDS, _MEMBER_RECORDS) and size > _MAX_RECORDS_BYTES:
        raise FormatError(_WHAT, f"{size:,} bytes of PAX records", offset)
    name = block[:100].rstrip(b"\0")
    if not name.isascii() or block[345:500].strip(b"\0"):
        raise FormatError(_WHAT, "a member's name is not one of ours", offset)
    return _Header(kind, name.decode("ascii"), size)


def _octal(field: bytes, offset: int) -> int:
    digits = field.strip(b" \0")
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise FormatError(_WHAT, "a number in a tar header is not octal", offset)
    return int(digits, 8)


def _parse_records(data: bytes, offset: int) -> dict[str, str]:
    """Return ``LENGTH KEY=VALUE\\n`` records, ours only; any that changes what a member is, is refused."""
    records: dict[str, str] = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        record = data[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if not (equals and record.endswith(b"\n") and length <= len(data) - at):
            raise FormatError(_WHAT, "a PAX record of the wrong length", offset + at)
        try:
            name, text = key.decode("ascii"), value[:-1].decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError(_WHAT, "a PAX record that is not UTF-8", offset + at) from None
        if name.startswith(PREFIX) and name not in records:
            records[name] = text
        elif name not in _HARMLESS_RECORDS:
            raise FormatError(_WHAT, f"a PAX record {name!r} that is not ours", offset + at)
        at += length
    return {name.removeprefix(PREFIX): text for name, text in records.items()}
