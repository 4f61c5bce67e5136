"""Read a live process's memory: from a frozen copy, while it stands still, or while it runs.

Nothing of the target is changed that outlives the reading: ``docs/decisions/0009`` says why.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.access import not_permitted, require_readable
from mapmedic.memory.code_room import find_room
from mapmedic.memory.process import ProcessFacts, exe_path, read_extents
from mapmedic.memory.reader import Address, Extent, Memory, ThreadState
from mapmedic.memory.resident import with_resident
from mapmedic.memory.room import free_bytes
from mapmedic.memory.watch import MemoryGuard, Ticking
from mapmedic.memory.way import Way, choose_way, estimate_cost
from mapmedic.model.inventory import Limits, SnapshotMode

_ZOMBIE = "the frozen copy could not be taken off the process's list of children; it goes with the process"
# Of what the disk has left, what an image may take: a full disk is somebody else's incident.
_DISK_SHARE = 0.8
# How often a thread that will not stand still (it waits for a child that it made by vfork) is asked again.
_STOP_TRIES = 3

Progress = Callable[[str, float], None]


def read_process(
    pid: int, limits: Limits | None = None, *, folder: Path | None = None, progress: Progress | None = None
) -> Memory:
    """Return the memory of process ``pid``, its image in a nameless file in ``folder``.

    ProcessUnreadable where it is not there, is not ours to trace, or cannot be read within ``limits``; the process
    is as it was each time. ``progress`` is called with (what is done, share of it, 0..1), from another thread.
    """
    limits = limits or Limits()
    facts, exe = require_readable(pid), exe_path(pid)
    room = find_room(pid, exe, read_extents(pid))
    way = choose_way(pid, estimate_cost(pid, facts, has_room=room is not None), limits)
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix="mapmedic-image-"))
        copying = _Copying(pid, exe, file, facts.resident_bytes, limits, progress)
        try:
            return _read(way, room, copying)
        except _native.WindowFailed as error:
            raise _why(pid, facts, error, way) from error
        except TimeoutError as error:
            raise _too_slow(pid, way) from error
        except OSError as error:
            where = folder or tempfile.gettempdir()
            raise ProcessUnreadable(
                pid, f"its memory cannot be copied to {where}: {error.strerror or error}"
            ) from error


def _read(way: Way, room: Address | None, copying: _Copying) -> Memory:
    if way.how is SnapshotMode.LIVE:
        extents, rss = with_resident(read_extents(copying.pid), copying.pid, copying.pid)
        memory = copying.memory(way, extents, copying.copy(copying.pid, extents))
        return replace(memory, rss_bytes=rss)
    held = _hold(way, room, copying.pid)
    try:
        # Of the moment of the stop: what was mapped before may be gone, what was mapped since is here.
        extents, rss = with_resident(read_extents(held.pid), copying.pid, held.pid)
        within_ns = _pause_ns(way) if way.how is SnapshotMode.FREEZE else None
        copied = copying.copy(held.pid, extents, within_ns)
    finally:
        pause_ns, is_clean = held.release()
    memory = copying.memory(way, extents, copied)
    threads = tuple(
        ThreadState(i, Address(sp), Address(ip), tuple(rest)) for i, sp, ip, rest in held.threads()
    )
    notes = way.notes + _overrun(way, pause_ns)
    remarks = () if is_clean else (_ZOMBIE,)
    return replace(memory, threads=threads, pause_ns=pause_ns, rss_bytes=rss, notes=notes, remarks=remarks)


def _hold(way: Way, room: Address | None, pid: int) -> _native.Held:
    """Return a copy of ``pid``, or ``pid`` itself standing still."""
    for tries_left in reversed(range(_STOP_TRIES)):
        try:
            if way.how is SnapshotMode.FORK and room is not None:
                return _native.fork_copy(pid, room, _pause_ns(way))
            return _native.stop_process(pid, _pause_ns(way))
        except _native.WindowFailed as error:
            if error.args[0] != "too_slow" or not tries_left:
                raise
    raise AssertionError("unreachable")


def _pause_ns(way: Way) -> int:
    return int(way.max_pause_ms * 1e6)


def _overrun(way: Way, pause_ns: int) -> tuple[str, ...]:
    """Say that a fork took longer than it may: nobody can break it off once the kernel is at it."""
    if pause_ns <= _pause_ns(way):
        return ()
    return (
        f"it stood still for {pause_ns / 1e6:.1f} ms, more than the {way.max_pause_ms:g} ms that were allowed",
    )


Copied = tuple[list[tuple[int, int, int]], list[tuple[int, int]], bytes]


@dataclass(frozen=True, slots=True)
class _Copying:
    """One copying of a process's memory into ``file``, with an eye on what it takes."""

    pid: int
    exe: str
    file: IO[bytes]
    expected_bytes: int
    limits: Limits
    progress: Progress | None

    def copy(self, source: int, extents: Sequence[Extent], within_ns: int | None = None) -> Copied:
        """Copy what is wanted of ``extents`` from process ``source``, the process itself or a frozen copy of it."""
        wanted = [(e.start, e.end, e.is_anonymous) for e in extents if _is_wanted(e, self.exe)]
        disk = os.fstatvfs(self.file.fileno())
        most = int(disk.f_bavail * disk.f_frsize * _DISK_SHARE)
        guard = MemoryGuard(source, self.limits.memory_floor_bytes, lambda: free_bytes(self.pid))
        ticks = [self._tell] if source == self.pid else [self._tell, guard.check]
        with Ticking(ticks):
            copied = _native.copy_memory(source, wanted, self.file.fileno(), most, within_ns)
        guard.require_never_tripped(self.pid)
        return copied

    def memory(self, way: Way, extents: tuple[Extent, ...], copied: Copied) -> Memory:
        """Return what was copied."""
        pieces, unread, resident = copied
        return Memory(
            image=_native.Image([(self.file.fileno(), pieces)], resident),
            how=way.how,
            exe_path=self.exe,
            extents=extents,
            threads=(),
            unread=tuple((Address(start), Address(end)) for start, end in unread),
            notes=way.notes,
            pid=self.pid,
        )

    def _tell(self) -> None:
        if self.progress is not None:
            done = os.fstat(self.file.fileno()).st_blocks * 512
            self.progress("copying memory", min(1.0, done / max(1, self.expected_bytes)))


def _is_wanted(extent: Extent, exe: str) -> bool:
    """Tell whether Go's memory can lie there: the program's own mappings, and private memory that is written to."""
    if not extent.readable or extent.name in ("[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]"):
        return False
    return extent.name == exe or (extent.writable and extent.private and not extent.name.startswith("/dev/"))


def _too_slow(pid: int, way: Way) -> ProcessUnreadable:
    why = f"it could not be read within a pause of {way.max_pause_ms:g} ms"
    return ProcessUnreadable(pid, why, "too_slow")


# What the window says -> (what to say, the cause).
_WORDS = {
    "gone": ("it ended while it was looked at", "ended"),
    "no_room": ("the place meant for a few bytes of code is not free", "no_room"),
    "other_machine": ("a thread of it runs no 64-bit x86 code", "other_machine"),
    "call_refused": ("it may not fork", "no_memory"),
}


def _why(pid: int, facts: ProcessFacts, error: _native.WindowFailed, way: Way) -> ProcessUnreadable:
    kind, number, doing = error.args
    if kind == "not_permitted":
        return not_permitted(pid, facts)
    if kind == "too_slow":
        return _too_slow(pid, way)
    words, cause = _WORDS.get(kind, (f"{doing or kind} failed", "other"))
    reason = f": {os.strerror(number)}" if kind in ("call_refused", "kernel") else ""
    return ProcessUnreadable(pid, words + reason, cause)
