"""Read a live process's memory: from a frozen copy, while it stands still, or while it runs.

Nothing of the target is changed that outlives the reading: ``docs/decisions/0009`` says why.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.access import require_readable
from mapmedic.memory.code_room import find_room
from mapmedic.memory.copying import Copied, Copying, Progress, descriptors, nameless_files
from mapmedic.memory.process import ProcessFacts, exe_path, read_extents
from mapmedic.memory.reader import Address, Extent, Memory, ThreadState
from mapmedic.memory.resident import with_resident
from mapmedic.memory.threads import threads_of
from mapmedic.memory.unreadable import fork_refusal, is_late, too_slow, why_unreadable
from mapmedic.memory.way import Cost, Way, choose_way, estimate_cost, way_after_refusal, way_after_timeout
from mapmedic.model.inventory import Limits, SnapshotMode

# A copy of a process that was forked in a stop (``Stop.fork``), until it is read.
FrozenCopy = _native.Held
_ZOMBIE = "the frozen copy could not be taken off the process's list of children; it goes with the process"
# How often a thread that will not stand still (it waits for a child that it made by vfork) is asked again.
_STOP_TRIES = 3
# src/runtime/malloc.go: the heap grows by whole multiples of 4 MiB, at addresses that are.
_HEAP_UNIT = 4 << 20
# Of a pause that may be, what the copying in it may take: threads have to be stopped and let go as well.
_COPYING_SHARE = 0.7


def read_process(
    pid: int, limits: Limits | None = None, *, folder: Path | None = None, progress: Progress | None = None
) -> Memory:
    """Return the memory of process ``pid``, its image in nameless files in ``folder``.

    ProcessUnreadable where it is not there, is not ours to trace, or cannot be read within ``limits``; the process
    is as it was each time. ``progress`` is called with (what is done, share of it, 0..1), from another thread.
    """
    limits = limits or Limits()
    facts = require_readable(pid)
    room = find_room(pid, exe_path(pid), read_extents(pid))
    cost = estimate_cost(pid, facts, has_room=room is not None)
    way = choose_way(pid, cost, limits)
    with _copying(pid, facts, limits, folder, progress) as copying:
        try:
            return _read_somehow(way, cost, room, copying)
        except _native.WindowFailed as error:
            raise why_unreadable(pid, facts, error, way.max_pause_ms) from error
        except TimeoutError as error:
            raise too_slow(pid, way.max_pause_ms) from error


def read_copy(
    pid: int,
    held: FrozenCopy,
    limits: Limits,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Memory:
    """Return the memory of ``held``, a copy that was forked of ``pid`` in a stop, and let it go.

    ProcessUnreadable where it is not to be had; the process is as it was.
    """
    facts = require_readable(pid)
    way = Way(SnapshotMode.FORK, limits.max_pause_ms)
    with _copying(pid, facts, limits, folder, progress) as copying:
        try:
            return _read_held(held, way, copying)
        except _native.WindowFailed as error:
            raise why_unreadable(pid, facts, error, way.max_pause_ms) from error


@contextmanager
def _copying(
    pid: int, facts: ProcessFacts, limits: Limits, folder: Path | None, progress: Progress | None
) -> Iterator[Copying]:
    """Make the nameless files that an image goes to; ProcessUnreadable where the disk does not take it."""
    with ExitStack() as stack:
        try:
            files, second = (stack.enter_context(nameless_files(folder, "mapmedic-image-")) for _ in range(2))
            yield Copying(pid, exe_path(pid), files, second, facts.resident_bytes, limits, progress)
        except BrokenPipeError:
            raise  # who was told of the progress has gone
        except OSError as error:
            where = folder or tempfile.gettempdir()
            raise ProcessUnreadable(
                pid, f"its memory cannot be copied to {where}: {error.strerror or error}"
            ) from error


def _read_somehow(way: Way, cost: Cost, room: Address | None, copying: Copying) -> Memory:
    """Read it as ``way`` says; where that fails for what another way does without, in that other way."""
    try:
        return _read(way, room, copying)
    except (_native.WindowFailed, TimeoutError) as error:
        other = _other_way(error, way, cost, copying.limits)
        if other is None:
            raise
    for file in copying.files:
        file.truncate(0)
    return _read_somehow(other, cost, room, copying)


def _other_way(error: Exception, way: Way, cost: Cost, limits: Limits) -> Way | None:
    no_fork = fork_refusal(error)
    if no_fork is not None:
        return way_after_refusal(cost, limits, no_fork[0])
    return way_after_timeout(way, cost, limits) if is_late(error) else None


def _read(way: Way, room: Address | None, copying: Copying) -> Memory:
    if way.how is SnapshotMode.LIVE:
        return _read_live(way, copying)
    return _read_held(_hold(way, room, copying.pid), way, copying)


def _read_held(held: _native.Held, way: Way, copying: Copying) -> Memory:
    now = time.time_ns()
    try:
        # Of the moment of the stop: what was mapped before may be gone, what was mapped since is here.
        extents, rss = with_resident(read_extents(held.pid), copying.pid, held.pid)
        within_ns = _pause_ns(way) if way.how is SnapshotMode.FREEZE else None
        copied = copying.copy(held.pid, extents, within_ns)
    finally:
        pause_ns, is_clean = held.release()
    memory = _memory(way, copying, extents, (copied,), threads_of(held, copying.pid))
    notes = way.notes + _overrun(way, pause_ns)
    remarks = () if is_clean else (_ZOMBIE,)
    return replace(
        memory, pause_ns=pause_ns, rss_bytes=rss, notes=notes, remarks=remarks, taken_at_unix_ns=now
    )


def _read_live(way: Way, copying: Copying) -> Memory:
    """Copy the runtime's own lists in one moment, and the heap, which is large, while the process runs."""
    threads, pause_ns = tuple[ThreadState, ...](), 0
    try:
        extents, lists, threads, pause_ns = _copy_lists(way, copying)
    except (_native.WindowFailed, TimeoutError) as error:
        if not is_late(error):
            raise
        # Not within the pause that may be: these too while it runs; what moved meanwhile will show.
        extents = read_extents(copying.pid)
        lists = copying.copy(copying.pid, [each for each in extents if not _may_be_heap(each)])
    rest = replace(copying, files=copying.second_files)
    heap = rest.copy(copying.pid, [each for each in extents if _may_be_heap(each)])
    extents, rss = with_resident(extents, copying.pid, copying.pid)
    memory = _memory(way, copying, extents, (lists, heap), threads)
    return replace(memory, pause_ns=pause_ns, rss_bytes=rss, taken_at_unix_ns=time.time_ns())


def _copy_lists(
    way: Way, copying: Copying
) -> tuple[tuple[Extent, ...], Copied, tuple[ThreadState, ...], int]:
    held = _hold(way, None, copying.pid)
    try:
        extents = read_extents(copying.pid)
        lists = [each for each in extents if not _may_be_heap(each)]
        copied = copying.copy(copying.pid, lists, int(_COPYING_SHARE * _pause_ns(way)))
    finally:
        pause_ns, _ = held.release()
    return extents, copied, threads_of(held, copying.pid), pause_ns


def _may_be_heap(extent: Extent) -> bool:
    return extent.is_anonymous and extent.start % _HEAP_UNIT == 0 and extent.bytes >= _HEAP_UNIT


def _memory(
    way: Way,
    copying: Copying,
    extents: tuple[Extent, ...],
    copied: tuple[Copied, ...],
    threads: tuple[ThreadState, ...],
) -> Memory:
    files = (copying.files, copying.second_files)
    return Memory(
        image=_native.Image(
            [(descriptors(some), pieces) for some, (pieces, _, _) in zip(files, copied, strict=False)],
            _in_order(resident for _, _, resident in copied),
        ),
        how=way.how,
        exe_path=copying.exe,
        extents=extents,
        threads=threads,
        unread=tuple((Address(start), Address(end)) for _, unread, _ in copied for start, end in unread),
        notes=way.notes,
        pid=copying.pid,
    )


def _in_order(parts: Iterable[bytes]) -> bytes:
    """Return runs (start, end, little-endian words) of several copyings as one list in order of address."""
    runs = np.concatenate([np.frombuffer(part, dtype="<u8").reshape(-1, 2) for part in parts])
    return runs[runs[:, 0].argsort()].tobytes()


def _hold(way: Way, room: Address | None, pid: int) -> _native.Held:
    """Return a copy of ``pid``, or ``pid`` itself standing still."""
    for tries_left in reversed(range(_STOP_TRIES)):
        try:
            if way.how is SnapshotMode.FORK and room is not None:
                return _native.fork_copy(pid, room, _pause_ns(way))
            return _native.stop_process(pid, _pause_ns(way))
        except _native.WindowFailed as error:
            if not is_late(error) or not tries_left:
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
