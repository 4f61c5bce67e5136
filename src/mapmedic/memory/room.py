"""How much memory is left for a process: the machine's, or what its cgroup leaves of it.

Documentation/admin-guide/cgroup-v2.rst (memory.max, memory.current), cgroup-v1/memory.rst; file cache that the
kernel would give up first (inactive_file) counts as free, as the kubelet counts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Version 1 writes "no limit" as the largest number of pages.
_NO_LIMIT_BYTES = 1 << 60


@dataclass(frozen=True, slots=True)
class MemoryRoom:
    """Free bytes, and whether it is a cgroup (a container, a pod) that bounds them."""

    free_bytes: int
    by_cgroup: bool


def memory_room(root: Path = Path("/"), pid: int | None = None) -> MemoryRoom | None:
    """Return the tightest bound on process ``pid`` (None: on us), None where nothing says.

    The kernel's files are read under ``root``.
    """
    rooms = [MemoryRoom(free, True) for free in _cgroup_rooms(root, "self" if pid is None else str(pid))]
    machine = _field(read_text(root / "proc/meminfo"), "MemAvailable:")
    if machine is not None:
        rooms.append(MemoryRoom(machine * 1024, False))
    return min(rooms, key=lambda room: room.free_bytes, default=None)


def free_bytes(pid: int) -> int | None:
    """Return how many bytes are free to process ``pid`` and to us, None where nobody says."""
    rooms = [room.free_bytes for room in (memory_room(pid=pid), memory_room()) if room is not None]
    return min(rooms, default=None)


def read_text(path: Path) -> str:
    """Return what is in a small file of the kernel's, empty where it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _cgroup_rooms(root: Path, process: str) -> Iterator[int]:
    names = ("memory.max", "memory.current", "inactive_file", "")
    older = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory")
    for line in read_text(root / "proc" / process / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "?", "")
        if controllers and "memory" not in controllers.split(","):
            continue
        limit_name, used_name, cache_name, mount = older if controllers else names
        inside = PurePosixPath(path.lstrip("/"))
        # The limit may be on a parent; in a container without a namespace only the top is mounted.
        for each in (inside, *inside.parents):
            folder = root / "sys/fs/cgroup" / mount / each
            limit, used = read_text(folder / limit_name), read_text(folder / used_name)
            if limit.isdigit() and used.isdigit() and int(limit) < _NO_LIMIT_BYTES:
                cache = _field(read_text(folder / "memory.stat"), cache_name) or 0
                yield max(0, int(limit) - int(used) + cache)


def _field(text: str, name: str) -> int | None:
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
