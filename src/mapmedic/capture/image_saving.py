"""Put the memory that was read of a process into a session: once to see what is there, once to write it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

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
from mapmedic.errors import CannotRead, CannotWrite
from mapmedic.formats.inventory import plain
from mapmedic.memory.reader import Memory
from mapmedic.model.inventory import InventoryTarget
from mapmedic.model.session import Artifact, LargeArtifact
from mapmedic.model.units import MIB, UnixNanoseconds

_MEMBER_BYTES = 1 << 30
# What is left out is left out in steps of this: the more often, the more there is to say of where.
_GRAIN_BYTES = 1 << 16


def require_room(path: Path, process_bytes: int) -> None:
    """Raise CannotWrite where ``process_bytes`` of memory would not fit beside ``path``, and once more in between."""
    folder, between = path.absolute().parent, Path(tempfile.gettempdir())
    try:
        times = 2 if folder.stat().st_dev == between.stat().st_dev else 1
        disk = os.statvfs(folder)
    except OSError as error:
        raise CannotWrite(str(path), error.strerror or str(error)) from error
    free, needed = int(disk.f_bavail * disk.f_frsize * DISK_SHARE), times * process_bytes
    if needed > free:
        why = f"an image takes up to {needed // MIB:,} MiB there, of which {free // MIB:,} MiB may be taken"
        raise CannotWrite(str(path), why)


def image_artifacts(
    memory: Memory, target: InventoryTarget, taken_at: UnixNanoseconds, visit: int, program: Path
) -> Iterator[Artifact | LargeArtifact]:
    """Yield what a session keeps of ``memory``, which must be of one moment, and of the file ``program``."""
    stretches = tuple(memory.image.ranges())
    runs = tuple(run for start, end in stretches for run in _runs(memory, start, end))
    index = _index(memory, target, taken_at, stretches, runs)
    source = f"pid:{memory.pid}"
    data = json.dumps(plain(index), separators=(",", ":"), allow_nan=False).encode()
    yield Artifact(INDEX, visit, taken_at, source, data)
    whole = sum(end - start for start, end in runs)
    for at in range(0, whole, _MEMBER_BYTES):
        part = tuple(_part(runs, at, min(at + _MEMBER_BYTES, whole)))
        yield _large(IMAGE, visit, taken_at, source, partial(_bytes_of, memory, part))
    yield _large(PROGRAM, visit, taken_at, memory.exe_path, partial(_file_chunks, program))


def _large(
    kind: str, visit: int, taken_at: UnixNanoseconds, source: str, chunks: Callable[[], Iterator[bytes]]
) -> LargeArtifact:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks():
        digest.update(chunk)
        size += len(chunk)
    return LargeArtifact(kind, visit, taken_at, source, size, digest.hexdigest(), chunks)


def _runs(memory: Memory, start: int, end: int) -> Iterator[Run]:
    """Yield the parts of [start, end) that are not zero, in whole grains."""
    run: list[int] = []
    for block in range(start, end, BLOCK_BYTES):
        raw = memory.read(block, min(BLOCK_BYTES, end - block)) or b""
        for grain in range(0, len(raw), _GRAIN_BYTES):
            part = raw[grain : grain + _GRAIN_BYTES]
            if not np.frombuffer(part, np.uint8).any():
                continue
            at = block + grain
            if run and run[1] == at:
                run[1] = at + len(part)
                continue
            if run:
                yield run[0], run[1]
            run = [at, at + len(part)]
    if run:
        yield run[0], run[1]


def _part(runs: tuple[Run, ...], first: int, last: int) -> Iterator[Run]:
    """Yield what lies from byte ``first`` to byte ``last`` of all ``runs`` one behind the other."""
    behind = 0
    for start, end in runs:
        size = end - start
        low, high = max(first - behind, 0), min(last - behind, size)
        if low < high:
            yield start + low, start + high
        behind += size


def _bytes_of(memory: Memory, runs: tuple[Run, ...]) -> Iterator[bytes]:
    for start, end in runs:
        for at in range(start, end, BLOCK_BYTES):
            yield memory.read(at, min(BLOCK_BYTES, end - at)) or b""


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")
    except OSError as error:
        raise CannotRead(str(path), error.strerror or str(error)) from error


def _index(
    memory: Memory, target: InventoryTarget, taken_at: int, stretches: tuple[Run, ...], runs: tuple[Run, ...]
) -> MemoryIndex:
    raw = memory.image.resident_runs()
    resident = None if raw is None else np.frombuffer(raw, dtype="<u8").reshape(-1, 2).tolist()
    return MemoryIndex(
        schema=SCHEMA,
        how=memory.how,
        exe_path=memory.exe_path,
        extents=memory.extents,
        threads=memory.threads,
        unread=memory.unread,
        pause_ns=memory.pause_ns,
        remarks=memory.remarks,
        notes=memory.notes,
        pid=memory.pid,
        rss_bytes=memory.rss_bytes,
        host=target.host,
        started_at_seconds=target.started_at_seconds,
        taken_at_unix_ns=taken_at,
        stretches=stretches,
        runs=runs,
        resident=None if resident is None else tuple((start, end) for start, end in resident),
    )
