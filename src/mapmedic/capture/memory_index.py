"""A process's memory in a session: what was read of it, as it was read, and its program's file beside it.

``memory_index`` says what lies where; ``memory_image`` is one stretch of bytes in members of at most a gibibyte, in
which what was zero anyway is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.memory.reader import Extent, ThreadState
from mapmedic.model.inventory import SnapshotMode

INDEX, IMAGE, PROGRAM = "memory_index", "memory_image", "program"
SCHEMA = "mapmedic.memory/1"
# Reading and writing go in steps of this.
BLOCK_BYTES = 1 << 20
# Of the room on a disk, what may be taken of it: a full disk is somebody else's incident.
DISK_SHARE = 0.8
Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class MemoryIndex:
    """Everything of a ``Memory`` but its bytes.

    ``stretches`` are [start, end) of what was read, ``runs`` those parts of them whose bytes are in the image, one
    behind the other; the rest is zero. ``resident``: [start, end) of what was in RAM.
    """

    schema: str
    how: SnapshotMode
    exe_path: str
    extents: tuple[Extent, ...]
    threads: tuple[ThreadState, ...]
    unread: tuple[Run, ...]
    pause_ns: int
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    pid: int | None
    rss_bytes: int | None
    host: str | None
    started_at_seconds: float | None
    taken_at_unix_ns: int
    stretches: tuple[Run, ...]
    runs: tuple[Run, ...]
    resident: tuple[Run, ...] | None
