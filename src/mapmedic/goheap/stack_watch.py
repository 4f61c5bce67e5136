"""Look at every stack of a process that stands still: is anybody in the middle of what must not be disturbed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import HeapUnreadable, ProcessUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.stack_layouts import stack_layout
from mapmedic.goheap.stacks import End, Stacks, readable_tables, stacks_of
from mapmedic.memory.reader import Place, ThreadState
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.model.watched_word import CaughtWrite

_ALLGADD = "runtime.allgadd"
_MOST_STACK_BYTES = 256 << 20


class Standing(Protocol):
    """A process every thread of which stands still; ``writes`` are those that stand right behind one."""

    pid: int
    threads: tuple[ThreadState, ...]
    writes: tuple[CaughtWrite, ...]

    @property
    def left_ns(self) -> int:
        """Return how much longer it may stand still."""

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places``, None where it cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class StackWatch:
    """How to unwind every stack, and in which code nobody may stand: [``entries``, ``ends``), in order of address.

    ``goroutines`` is the address of runtime.allgs; ``what`` is what that code does, for a sentence.
    """

    goroutines: int
    layout: dict[str, int]
    code: _native.GoCode
    entries: NDArray[np.uint64]
    ends: NDArray[np.uint64]
    what: str

    @classmethod
    def of(cls, heap: GoHeap, operations: Sequence[tuple[int, int]], what: str) -> StackWatch:
        """Prepare it for ``operations``, [start, end) of code; HeapUnreadable where the goroutines were not found."""
        ranges = np.array(sorted(operations), dtype="<u8").reshape(-1, 2)
        layout = stack_layout(heap.runtime.build)
        return cls(_find_list(heap), layout, heap.stacks.code, ranges[:, 0].copy(), ranges[:, 1].copy(), what)

    def look(self, standing: Standing) -> Stacks | Unsafe:
        """Return every stack; Unsafe where somebody stands in that code, or where a stack cannot be followed."""
        pcs = np.array([each.instruction_pointer for each in standing.threads], dtype="<u8")
        if self._within(pcs).any():
            return Unsafe(Hindrance.IN_MAP_OPERATION, f"a thread stands in {self.what}")
        threads = [
            (each.id, int(each.stack_pointer), int(each.instruction_pointer)) for each in standing.threads
        ]
        try:
            with readable_tables():
                columns = self.code.unwind_standing(
                    standing.pid, self.layout, self.goroutines, threads, _MOST_STACK_BYTES
                )
        except _native.WindowFailed as error:
            raise ProcessUnreadable(standing.pid, "it ended while it was looked at", "ended") from error
        if columns is None:
            return Unsafe(
                Hindrance.TOO_SLOW, "its goroutines have more stack than can be looked at in a stop"
            )
        stacks = stacks_of(self.code, columns)
        return self._hindrance(stacks) or stacks

    def _hindrance(self, stacks: Stacks) -> Unsafe | None:
        cut = np.flatnonzero((stacks.end != End.WHOLE) & (stacks.end != End.NO_STACK))
        if len(cut):
            who = int(stacks.id[cut[0]])
            return Unsafe(
                Hindrance.STACK_UNKNOWN, f"the stack of goroutine {who} cannot be followed now", who
            )
        inside = np.flatnonzero(self._within(stacks.entry))
        if not len(inside):
            return None
        who = int(stacks.id[int(np.searchsorted(stacks.frame_start, inside[0], side="right")) - 1])
        return Unsafe(Hindrance.IN_MAP_OPERATION, f"goroutine {who} is in {self.what}", who)

    def _within(self, pcs: NDArray[np.uint64]) -> NDArray[np.bool_]:
        if not len(self.entries):
            return np.zeros(len(pcs), dtype=bool)
        place = np.searchsorted(self.entries, pcs, side="right").astype(np.int64) - 1
        inside: NDArray[np.bool_] = (place >= 0) & (pcs < self.ends[np.maximum(place, 0)])
        return inside


def _find_list(heap: GoHeap) -> int:
    """Return the address of runtime.allgs."""
    named = heap.stacks.code.operands(_ALLGADD, *heap.runtime.variables) or ()
    expected = (heap.runtime.allgs, len(heap.runtime.goroutines))
    found = [at for at in named if heap.memory.words(at, "2Q") == expected]
    if len(found) != 1:
        raise HeapUnreadable("where the runtime keeps the list of goroutines was not found")
    return found[0]
