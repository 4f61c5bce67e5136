"""What of a process is in RAM, as the kernel counts it: of each mapping, and of all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mapmedic.memory.reader import Extent

# /proc/PID/smaps: the line of /proc/PID/maps, then names and figures, Rss among the first of them.
_MAPPING = re.compile(rb"^([0-9a-f]+)-[0-9a-f]+ .*\n(?:[A-Z]\w+: .*\n)*?Rss: +([0-9]+) kB", re.MULTILINE)
_RSS = re.compile(rb"^VmRSS:\s+([0-9]+) kB", re.MULTILINE)
_MOST_BYTES = 1 << 28


def with_resident(
    extents: Sequence[Extent], pid: int, copy_pid: int
) -> tuple[tuple[Extent, ...], int | None]:
    """Return ``extents`` with their resident bytes, and VmRSS; None where the kernel says neither.

    ``copy_pid`` is the frozen copy of ``pid``, or ``pid`` itself. A copy has the pages of the moment of the stop,
    but not those that only a file stands behind: of these the process itself is asked.
    """
    status, now = _read(pid, "status"), _read(pid, "smaps")
    then = now if copy_pid == pid else _read(copy_pid, "smaps")
    rss = _RSS.search(status)
    if rss is None or not now or not then:
        return tuple(extents), None
    theirs, copied = _by_start(now), _by_start(then)
    told = (
        replace(
            e,
            resident_bytes=(copied if e.private and (e.is_anonymous or e.writable) else theirs).get(e.start),
        )
        for e in extents
    )
    return tuple(told), int(rss.group(1)) * 1024


def _by_start(smaps: bytes) -> dict[int, int]:
    return {int(start, 16): int(kib) * 1024 for start, kib in _MAPPING.findall(smaps)}


def _read(pid: int, name: str) -> bytes:
    """Return a file of /proc, b"" where there is none (a kernel without it, a process that went)."""
    try:
        with Path(f"/proc/{pid}/{name}").open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError:
        return b""
    return raw if len(raw) <= _MOST_BYTES else b""
