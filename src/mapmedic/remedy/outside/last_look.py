"""The memory of a process as it was when something was about to be written over, copied then or later.

Where a fork fits into the stop, a frozen copy is made in it, right before the write. It takes time for each page that
the process has, so a large one is copied after the write instead. What was written is laid over that copy as it was
before. What that led to is garbage by then, and still there as long as no collection has begun to sweep: so the count
of those is read in the stop and in the copy. A heap that is too large to be forked in a stop is too large to be marked
in the few ms between. What takes several stops has no such moment: nothing is copied for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from mapmedic.errors import ProcessUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.sweeps import sweep_count
from mapmedic.memory.access import require_readable
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.code_room import find_room
from mapmedic.memory.process import exe_path, read_extents
from mapmedic.memory.reader import Address, Memory
from mapmedic.memory.snapshot import FrozenCopy, read_copy, read_process
from mapmedic.memory.stop import Stop
from mapmedic.memory.way import choose_way, estimate_cost
from mapmedic.model.inventory import Limits, SnapshotMode
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.remedy.outside.way import Act

Progress = Callable[[str, float], None]
# Of what is left of a stop, what a fork may be reckoned to take.
_SHARE = 0.6
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """What was about to be written over in one stop, and when; ``copy`` where one was forked in it.

    ``sweeps``: how many collections had begun to sweep by then.
    """

    taken: tuple[tuple[int, bytes], ...]
    at_unix_ns: int
    sweeps: bytes | None
    copy: FrozenCopy | None


class LastLook:
    """How the process of ``heap`` was right before an act: ``prepare``, ``before_write``, ``written``, ``memory``."""

    def __init__(self, heap: GoHeap, limits: Limits, progress: Progress) -> None:
        self._heap, self._limits, self._progress = heap, limits, progress
        self._pid = heap.memory.pid or 0
        self._room: Address | None = None
        self._fork_ms = 0.0
        self._pending: _Moment | None = None
        self._first: _Moment | None = None
        self._is_one_stop = True
        self._seen: tuple[Memory | None, str] | None = None

    @property
    def at_unix_ns(self) -> int:
        """Return when the first write was, 0 where there was none."""
        return self._first.at_unix_ns if self._first else 0

    def prepare(self) -> None:
        """Look, while it runs, whether a fork may be made of it in a stop, and what that takes."""
        room = find_room(self._pid, exe_path(self._pid), read_extents(self._pid))
        cost = estimate_cost(self._pid, require_readable(self._pid), has_room=room is not None)
        may_fork = choose_way(self._pid, cost, replace(self._limits, how=None)).how is SnapshotMode.FORK
        self._room, self._fork_ms = (room if may_fork else None), cost.fork_ms

    def before_write(self, held: Stop, act: Act) -> Unsafe | None:
        """Keep what ``act`` is about to write over; Unsafe where the stop is over, with nothing kept."""
        if self._pending is not None and self._pending.copy is not None:
            self._room = None  # nothing was written after it: the fork took too much of the stop
            self._pending = None
        if not act.is_last or self._first is not None:
            self._pending = _Moment((), time.time_ns(), None, None)
            self._is_one_stop = False
            return None
        copy = None
        # What a guardian holds is not forked.
        fits = self._fork_ms * _NS_PER_MS < held.left_ns * _SHARE
        if self._room is not None and fits and not held.guarded:
            try:
                copy = held.fork(self._room)
            except ProcessUnreadable as error:
                self._room = None
                return Unsafe(Hindrance.TOO_SLOW, error.why)
        (sweeps,) = held.read([sweep_count(self._heap)])
        taken = (*act.was, *((each.address, each.old) for each in act.changes))
        self._pending = _Moment(taken, time.time_ns(), sweeps, copy)
        return None

    def written(self) -> None:
        """Take note that what was kept last has been written."""
        self._first = self._first or self._pending
        self._pending = None

    def let_go(self) -> None:
        """End the copies: who keeps the error of a refusal would keep them, with all that they have open."""
        self._pending = self._first = None

    def memory(self) -> tuple[Memory | None, str]:
        """Return the memory as it was right before the write; None, and why, where nobody can tell it."""
        if self._seen is None:
            self._seen = self._look()
        return self._seen

    def _look(self) -> tuple[Memory | None, str]:
        first = self._first
        if first is None:
            return None, "nothing was written"
        if not self._is_one_stop:
            return None, "it took several stops, and the program ran between them"
        if first.copy is not None:
            return read_copy(self._pid, first.copy, self._limits, progress=self._progress), ""
        memory = read_process(self._pid, self._limits, progress=self._progress)
        if not self._is_all_there(memory, first):
            return (
                None,
                "a collection ended between the write and the copy after it: what was let go may be in use",
            )
        return replace(memory, image=memory.image.overlaid(list(first.taken))), ""

    def _is_all_there(self, memory: Memory, first: _Moment) -> bool:
        place = sweep_count(self._heap)
        if memory.how is SnapshotMode.LIVE:
            (now,) = ProcessAgain(self._pid, 0.0).read([place])
        else:
            now = memory.read(*place)
        return now is not None and now == first.sweeps
