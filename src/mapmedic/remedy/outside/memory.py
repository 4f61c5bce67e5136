"""The memory of a process without an endpoint, at a moment: what the kernel counts, and what its runtime says."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mapmedic.errors import ProcessUnreadable
from mapmedic.goheap.allocation import FigurePlaces
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class MemoryOf:
    """Reads the memory of process ``pid``, which began at ``started_ticks``; ``places`` None: not that of its heap."""

    pid: int
    started_ticks: int
    places: FigurePlaces | None

    def point(self) -> MemoryPoint | None:
        """Return it now, None where the process has ended."""
        now = UnixNanoseconds(time.time_ns())
        try:
            facts = read_facts(self.pid)
            # One that has ended has no memory until its parent takes note: that is no memory that came back.
            if not facts.has_memory or started_ticks(self.pid) != self.started_ticks:
                return None
            figures = self.places.read(ProcessAgain(self.pid, 0.0).read) if self.places else None
        except ProcessUnreadable:
            return None
        if figures is None:
            return MemoryPoint(now, facts.resident_bytes, None)
        return MemoryPoint(
            at=now,
            rss_bytes=facts.resident_bytes,
            # src/runtime/mstats.go, readmemstats_m: but for what lies in the caches of the Ps.
            heap_alloc_bytes=figures.allocated_bytes - figures.freed_bytes,
            num_gc=figures.collections,
            heap_idle_bytes=figures.free_bytes + figures.released_bytes,
            heap_released_bytes=figures.released_bytes,
        )
