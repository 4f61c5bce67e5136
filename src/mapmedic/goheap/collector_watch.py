"""Whether the garbage collector marks at a moment: then no pointer may be taken away behind its back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.goheap.heap import GoHeap
from mapmedic.memory.reader import Place
from mapmedic.model.safe_moment import Hindrance, Unsafe

# src/runtime/mbarrier.go, mbitmap.go: these ask whether the write barrier is on, and name no other variable together.
_ASKS_BARRIER = ("runtime.typedmemmove", "runtime.bulkBarrierPreWrite")


@dataclass(frozen=True, slots=True)
class CollectorWatch:
    """Where the runtime says that it marks: ``phase`` is gcphase, ``barrier`` writeBarrier.enabled, 4 bytes each."""

    phase: int
    barrier: int

    @classmethod
    def of(cls, heap: GoHeap) -> CollectorWatch:
        """Find both words; HeapUnreadable where one was not found beyond doubt."""
        phase = find_gc_words(heap.memory).phase
        if phase is None:
            raise HeapUnreadable("where the runtime says whether it collects was not found")
        named = [heap.stacks.code.operands(name, *heap.runtime.variables) for name in _ASKS_BARRIER]
        found = set.intersection(*(set(each or ()) for each in named))
        if len(found) != 1:
            raise HeapUnreadable("where the runtime says whether the write barrier is on was not found")
        return cls(phase.address, found.pop())

    @property
    def places(self) -> tuple[Place, Place]:
        """Return what is to be read."""
        return (self.phase, 4), (self.barrier, 4)

    def judge(self, found: Sequence[bytes | None]) -> str | Unsafe:
        """Return a sentence on what was ``found`` at the places, Unsafe where a collection marks."""
        if any(raw != bytes(4) for raw in found):
            return Unsafe(Hindrance.COLLECTING, "a collection is marking")
        return "no collection marks, and the write barrier is off"
