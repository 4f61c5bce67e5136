"""The memory that a session keeps of a process, laid out again as it was read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from mapmedic.capture.files import open_regular
from mapmedic.capture.memory_index import (
    BLOCK_BYTES,
    DISK_SHARE,
    IMAGE,
    INDEX,
    PROGRAM,
    SCHEMA,
    MemoryIndex,
    Run,
)
from mapmedic.capture.session_file import read_session
from mapmedic.errors import CannotRead, FormatError, SessionDamaged
from mapmedic.formats.inventory import reader_of
from mapmedic.memory.reader import Address, Memory, image_of
from mapmedic.model.session import Session, StoredBytes
from mapmedic.model.units import MIB

# Addresses of user space, all stretches together.
_MOST_BYTES = 1 << 44


@dataclass(frozen=True, slots=True)
class SavedMemory:
    """The memory in a session, what is said of it there, and the bytes of its program's file (None: not kept)."""

    memory: Memory
    index: MemoryIndex
    program: bytes | None


def holds_image(path: Path) -> bool:
    """Tell whether the file at ``path`` is a session with an image; SessionDamaged, CannotRead."""
    with open_regular(path) as file:
        is_tar = file.read(512)[257:262] == b"ustar"
    return is_tar and any(each.kind == INDEX for each in read_session(path).artifacts)


def load_image(path: Path) -> SavedMemory:
    """Return the memory that the session at ``path`` keeps; SessionDamaged where it is not what the session says.

    Its bytes are copied to a nameless file: nobody can take them away while they are looked at.
    """
    session = read_session(path)
    index = _parse_index(path, session)
    parts = [each for each in session.stored if each.kind == IMAGE]
    program = next((each for each in session.stored if each.kind == PROGRAM), None)
    _require_sound(path, index, sum(part.bytes for part in parts))
    _require_space(path, sum(part.bytes for part in parts))
    with open_regular(path) as file, tempfile.TemporaryFile(prefix="mapmedic-image-") as image:
        _lay_out(index, _checked(path, file, parts), image)
        memory = _memory(index, image)
        return SavedMemory(memory, index, b"".join(_checked(path, file, [program])) if program else None)


def _parse_index(path: Path, session: Session) -> MemoryIndex:
    data = next((each.data for each in session.artifacts if each.kind == INDEX), None)
    if data is None:
        raise CannotRead(str(path), "it keeps no image of the memory")
    try:
        value: Any = json.loads(data)
        index: MemoryIndex = reader_of(MemoryIndex)(value, INDEX)
    except (FormatError, ValueError, RecursionError) as error:
        raise SessionDamaged(str(path), f"what it says of its image does not parse: {error}") from error
    if index.schema != SCHEMA:
        raise SessionDamaged(str(path), f"its image is {index.schema[:40]!r}, not {SCHEMA}")
    return index


def _require_sound(path: Path, index: MemoryIndex, there: int) -> None:
    """Raise SessionDamaged where runs and stretches contradict each other, or the bytes that are there."""
    claimed = sum(end - start for start, end in index.runs)
    why = None
    if claimed != there:
        why = f"its image has {there:,} bytes, and should have {claimed:,}: it was cut short"
    elif not (_is_ordered(index.stretches) and _is_ordered(index.runs)) or not index.stretches:
        why = "the addresses of its image are in no order"
    elif sum(end - start for start, end in index.stretches) > _MOST_BYTES:
        why = "its image claims more memory than a process can have"
    elif not _is_within(index.runs, index.stretches):
        why = "a part of its image lies outside of what was read"
    if why:
        raise SessionDamaged(str(path), why)


def _is_ordered(runs: tuple[Run, ...]) -> bool:
    ends = [0, *(end for _, end in runs)]
    return all(before <= start < end for before, (start, end) in zip(ends, runs, strict=False))


def _is_within(runs: tuple[Run, ...], stretches: tuple[Run, ...]) -> bool:
    """Tell whether each run lies in one stretch; both are in order."""
    starts = [start for start, _ in stretches]
    places = [bisect_right(starts, start) - 1 for start, _ in runs]
    return all(
        place >= 0 and end <= stretches[place][1] for place, (_, end) in zip(places, runs, strict=True)
    )


def _require_space(path: Path, image_bytes: int) -> None:
    disk = os.statvfs(tempfile.gettempdir())
    free = int(disk.f_bavail * disk.f_frsize * DISK_SHARE)
    if image_bytes > free:
        where = tempfile.gettempdir()
        why = f"its image takes {image_bytes // MIB:,} MiB in {where}, of which {free // MIB:,} MiB may be taken"
        raise CannotRead(str(path), why)


def _checked(path: Path, file: IO[bytes], parts: list[StoredBytes]) -> Iterator[bytes]:
    """Yield the bytes of ``parts`` in order; SessionDamaged at the end of one that does not match its hash."""
    for part in parts:
        digest, left = hashlib.sha256(), part.bytes
        file.seek(part.offset)
        while left and (chunk := file.read(min(BLOCK_BYTES, left))):
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        if left or digest.hexdigest() != part.sha256:
            raise SessionDamaged(str(path), f"its {part.kind} does not match its SHA-256")


def _lay_out(index: MemoryIndex, chunks: Iterator[bytes], image: IO[bytes]) -> None:
    """Write the runs to where ``_pieces`` says that their stretches lie; what is between them stays a hole."""
    image.truncate(sum(end - start for start, end in index.stretches))
    rest = memoryview(b"")
    pieces = iter(_pieces(index))
    start, size, offset = next(pieces)
    for at, end in index.runs:
        while at >= start + size:
            start, size, offset = next(pieces)
        done = at
        while done < end:
            if not rest:
                rest = memoryview(next(chunks))
            some = min(len(rest), end - done)
            os.pwrite(image.fileno(), rest[:some], offset + done - start)
            rest, done = rest[some:], done + some
    for _ in chunks:  # to its end, where the hash is held against it
        pass


def _pieces(index: MemoryIndex) -> Iterator[tuple[int, int, int]]:
    offset = 0
    for start, end in index.stretches:
        yield start, end - start, offset
        offset += end - start


def _memory(index: MemoryIndex, image: IO[bytes]) -> Memory:
    resident = None if index.resident is None else np.array(index.resident, dtype="<u8").tobytes()
    return Memory(
        image=image_of(image.fileno(), list(_pieces(index)), resident),
        how=index.how,
        exe_path=index.exe_path,
        extents=index.extents,
        threads=index.threads,
        unread=tuple((Address(start), Address(end)) for start, end in index.unread),
        pause_ns=index.pause_ns,
        remarks=index.remarks,
        notes=index.notes,
        pid=index.pid,
        rss_bytes=index.rss_bytes,
    )
