"""Visits a process on this machine: its inventory at the first and the last visit, the kernel's figures at each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mapmedic.capture.image_saving import image_artifacts
from mapmedic.capture.inventory import capture_heap, process_id
from mapmedic.capture.memory_index import IMAGE
from mapmedic.capture.targets import Target
from mapmedic.capture.visit import Visit
from mapmedic.errors import CouldNotLook, ProcessUnreadable
from mapmedic.formats.inventory import encode_inventory
from mapmedic.memory.process import started_at_seconds
from mapmedic.memory.reader import Memory
from mapmedic.model.findings import Blank
from mapmedic.model.inventory import Inventory, Limits, SnapshotMode
from mapmedic.model.session import Artifact, Keep
from mapmedic.model.units import MIB, UnixNanoseconds

INVENTORY, STATUS_POLL = "inventory", "process_status_poll"
# Kind -> what it is in /proc/PID (proc_pid_status(5) and its neighbours).
_FILES = {
    "process_status": "status",
    "process_smaps_rollup": "smaps_rollup",
    "process_mappings": "maps",
    "process_cgroup": "cgroup",
    "cmdline": "cmdline",
}
# Kind -> its name in a cgroup of version 2, and of version 1 (Documentation/admin-guide/cgroup-v2.rst).
_CGROUP_FILES = {
    "cgroup_limit": ("memory.max", "memory.limit_in_bytes"),
    "cgroup_usage": ("memory.current", "memory.usage_in_bytes"),
    "cgroup_stat": ("memory.stat", "memory.stat"),
    "cgroup_events": ("memory.events", "memory.oom_control"),
}
_MOST_BYTES = 64 * MIB
_WITHOUT_URL = "not seen from outside the process: give its net/http/pprof URL as well, if it has one"


@dataclass
class ProcessVisitor:
    """Visits process ``target``; ``last`` is the number of the visit that brings the second inventory.

    With ``image`` that visit keeps the memory as well that it was made of.
    """

    target: Target
    keep: Keep
    last: int
    limits: Limits
    is_alone: bool = True
    image: bool = False
    root: Path = Path("/")
    _pid: int = field(init=False)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._pid = process_id(self.target)
        self._began = started_at_seconds(self._pid)

    async def visit(self, number: int) -> Visit:
        """Read everything once; only a session that cannot be written raises."""
        brought: list[Artifact] = []
        blanks: list[Blank] = []
        errors: dict[str, CouldNotLook] = {}
        try:
            self._require_same_process()
            if number in (0, self.last):
                memory, inventory = await asyncio.to_thread(self._look)
                brought.append(self._artifact_of(inventory, number))
                self.keep(brought[0])
                if self.image and number == self.last:
                    blanks.extend(self._keep_image(memory, inventory, number))
        except CouldNotLook as error:
            errors[INVENTORY] = error
            blanks.append(Blank(INVENTORY, f"{error}; no exact figures of its maps"))
            return Visit((), tuple(blanks), errors)
        for kind, path in self._files():
            data, why = _read(path)
            if data is None:
                blanks.append(Blank(kind, why))
                continue
            brought.append(_artifact(kind, number, path, data))
            self.keep(brought[-1])
        if self.is_alone and number == 0:
            blanks.append(Blank("allocation_sites", _WITHOUT_URL))
        return Visit(tuple(brought), tuple(blanks), errors)

    async def poll(self) -> None:
        """Keep the kernel's figures of this moment for the memory timeline."""
        path = self.root / "proc" / str(self._pid) / "status"
        data, _ = _read(path)
        if data is not None:
            self.keep(_artifact(STATUS_POLL, 0, path, data))

    async def watch(self, number: int) -> Visit:
        """Bring nothing: what takes time is not seen from outside."""
        return Visit((), (), {})

    def _require_same_process(self) -> None:
        if started_at_seconds(self._pid) != self._began:
            raise ProcessUnreadable(self._pid, "it ended, and another process got its number")

    def _look(self) -> tuple[Memory, Inventory]:
        heap, inventory, _ = capture_heap(self.target, self.limits)
        return heap.memory, inventory

    def _artifact_of(self, inventory: Inventory, number: int) -> Artifact:
        source = f"pid:{self._pid}"
        return Artifact(INVENTORY, number, _taken_at(inventory), source, encode_inventory(inventory))

    def _keep_image(self, memory: Memory, inventory: Inventory, number: int) -> tuple[Blank, ...]:
        """Keep the memory that ``inventory`` was made of; return why not, where it is of no single moment."""
        if memory.how is SnapshotMode.LIVE:
            return (Blank(IMAGE, "not kept: it was read while it ran, and is of no single moment"),)
        program = self.root / "proc" / str(self._pid) / "exe"
        for artifact in image_artifacts(memory, inventory.target, _taken_at(inventory), number, program):
            self.keep(artifact)
        return ()

    def _files(self) -> Iterator[tuple[str, Path]]:
        folder = self.root / "proc" / str(self._pid)
        yield from (
            (kind, folder / name) for kind, name in _FILES.items() if self.is_alone or kind != "cmdline"
        )
        group = _memory_cgroup(self.root, folder)
        if group is not None:
            where, version = group
            yield from ((kind, where / names[version]) for kind, names in _CGROUP_FILES.items())


def _taken_at(inventory: Inventory) -> UnixNanoseconds:
    return UnixNanoseconds(inventory.snapshot.taken_at_unix_ns or time.time_ns())


def _memory_cgroup(root: Path, process: Path) -> tuple[Path, int] | None:
    """Return the folder of the memory controller that bounds a process, and 0 for version 2, 1 for version 1."""
    data, _ = _read(process / "cgroup")
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        version = 1 if controllers else 0
        mount = root / "sys/fs/cgroup" / ("memory" if version else "")
        inside = PurePosixPath(path.lstrip("/"))
        # In a container without a namespace of its own only the top is mounted, and the limit may be a parent's.
        for each in (inside, *inside.parents):
            if (mount / each / _CGROUP_FILES["cgroup_usage"][version]).is_file():
                return mount / each, version
    return None


def _read(path: Path) -> tuple[bytes | None, str]:
    """Return what is in one of the kernel's files, or None and why not."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return None, f"{path}: {error.strerror or error}"
    return (data, "") if len(data) <= _MOST_BYTES else (None, f"{path}: longer than {_MOST_BYTES:,} bytes")


def _artifact(kind: str, number: int, path: Path, data: bytes) -> Artifact:
    return Artifact(kind, number, UnixNanoseconds(time.time_ns()), str(path), data)
