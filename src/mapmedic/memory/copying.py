"""Copy a process's memory into files, with an eye on what that takes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mapmedic import _native
from mapmedic.memory.reader import Extent
from mapmedic.memory.room import free_bytes
from mapmedic.memory.watch import MemoryGuard, Ticking
from mapmedic.model.inventory import Limits

# Of what the disk has left, what an image may take: a full disk is somebody else's incident.
_DISK_SHARE = 0.8

# The kernel writes to a file one thread at a time: as many files as threads that copy, and no more than those help.
_MOST_FILES = 8

Progress = Callable[[str, float], None]
# Files that share one layout: what is copied lies in one or the other, at its offset.
Files = tuple[IO[bytes], ...]
# (address, bytes, offset in the files) of what was copied, (start, end) of what could not be, runs of what was in RAM.
Copied = tuple[list[tuple[int, int, int]], list[tuple[int, int]], bytes]


@dataclass(frozen=True, slots=True)
class Copying:
    """One copying of process ``pid`` into ``files``; ``second_files`` are for what is copied at another time."""

    pid: int
    exe: str
    files: Files
    second_files: Files
    expected_bytes: int
    limits: Limits
    progress: Progress | None

    def copy(self, source: int, extents: Sequence[Extent], within_ns: int | None = None) -> Copied:
        """Copy what is wanted of ``extents`` from process ``source``, the process itself or a frozen copy of it.

        TimeoutError where that takes longer than ``within_ns``.
        """
        wanted = [(e.start, e.end, e.is_anonymous) for e in extents if _is_wanted(e, self.exe)]
        disk = os.fstatvfs(self.files[0].fileno())
        most = int(disk.f_bavail * disk.f_frsize * _DISK_SHARE)
        guard = MemoryGuard(source, self.limits.memory_floor_bytes, lambda: free_bytes(self.pid))
        ticks = [self._tell] if source == self.pid else [self._tell, guard.check]
        try:
            with Ticking(ticks):
                return _native.copy_memory(source, wanted, descriptors(self.files), most, within_ns)
        finally:
            # What was killed may end in the middle of any read, which then fails in its own words.
            guard.require_never_tripped(self.pid)

    def _tell(self) -> None:
        if self.progress is not None:
            done = 512 * sum(os.fstat(each).st_blocks for each in descriptors(self.files))
            self.progress("copying memory", min(1.0, done / max(1, self.expected_bytes)))


@contextmanager
def nameless_files(folder: Path | None, prefix: str) -> Iterator[Files]:
    """Make empty nameless files in ``folder``, one for each thread that copies. OSError where the disk says no."""
    count = min(_MOST_FILES, len(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix=prefix)) for _ in range(count)
        )


def descriptors(files: Iterable[IO[bytes]]) -> list[int]:
    """Return the descriptors of ``files``, as the native core takes them."""
    return [each.fileno() for each in files]


def _is_wanted(extent: Extent, exe: str) -> bool:
    """Tell whether Go's memory can lie there: the program's own mappings, and private memory that is written to."""
    if not extent.readable or extent.name in ("[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]"):
        return False
    return extent.name == exe or (extent.writable and extent.private and not extent.name.startswith("/dev/"))
