"""What ``GODEBUG=gctrace=1`` prints, as columns: one row a finished GC cycle."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]

NOT_PRINTED = -1
"""Stacks and globals of a Go before 1.18."""


@dataclass(frozen=True, slots=True, eq=False)
class GcTrace:
    """Hold cycles in the order they were printed; upstream src/runtime/mgc.go gcMarkTermination.

    ``process`` cycle -> whose it is, counted from 0: several write into one log, or one is restarted.
    ``at_seconds`` from the start of the process to the start of the cycle; ``cpu_share`` 0..1 of all CPU time
    since that start went to the GC.

    Wall-clock phases: ``sweep_termination_ms`` and ``mark_termination_ms`` stop the world, ``mark_ms`` does not.
    CPU of each: ``sweep_termination_cpu_ms``, ``assist_cpu_ms``, ``background_cpu_ms``, ``idle_cpu_ms``,
    ``mark_termination_cpu_ms``.

    Sizes are whole MiB rounded down: ``heap_start_bytes`` when the cycle began, ``heap_end_bytes`` when its marking
    ended, ``live_bytes`` what was marked, ``goal_bytes`` where the cycle was to end; ``stacks_bytes`` and
    ``globals_bytes`` are -1 before Go 1.18. ``processors`` is GOMAXPROCS; ``forced`` by runtime.GC and the like;
    ``leak_check`` by a goroutineleak profile (Go 1.26).
    """

    process: Int64s
    number: Int64s
    at_seconds: Float64s
    cpu_share: Float64s
    sweep_termination_ms: Float64s
    mark_ms: Float64s
    mark_termination_ms: Float64s
    sweep_termination_cpu_ms: Float64s
    assist_cpu_ms: Float64s
    background_cpu_ms: Float64s
    idle_cpu_ms: Float64s
    mark_termination_cpu_ms: Float64s
    heap_start_bytes: Int64s
    heap_end_bytes: Int64s
    live_bytes: Int64s
    goal_bytes: Int64s
    stacks_bytes: Int64s
    globals_bytes: Int64s
    processors: Int64s
    forced: Bools
    leak_check: Bools
    scavenges: Scavenges
    other_lines: int
    torn_lines: int

    @property
    def cycles(self) -> int:
        """Return how many cycles there are."""
        return len(self.number)

    @property
    def processes(self) -> int:
        """Return how many processes wrote them."""
        return int(self.process.max(initial=-1)) + 1

    @property
    def pause_ms(self) -> Float64s:
        """Return cycle -> for how long the world was stopped, both pauses together, in ms."""
        total: Float64s = self.sweep_termination_ms + self.mark_termination_ms
        return total

    def of_process(self, process: int) -> GcTrace:
        """Return the cycles of one process; scavenges, which carry no name, stay with ``self``."""
        chosen = self.process == process
        columns = {
            column.name: getattr(self, column.name)[chosen]
            for column in fields(self)
            if column.name not in ("scavenges", "other_lines", "torn_lines")
        }
        return GcTrace(
            **columns,
            scavenges=self.scavenges,
            other_lines=self.other_lines,
            torn_lines=self.torn_lines,
        )

    def longest(self) -> GcTrace:
        """Return the cycles of the process that has most of them."""
        return self.of_process(int(np.bincount(self.process).argmax()))


@dataclass(frozen=True, slots=True, eq=False)
class Scavenges:
    """Hold the lines of ``GODEBUG=scavtrace=1``; upstream src/runtime/mgcscavenge.go printScavTrace.

    ``after_cycle`` scavenge -> the row of the cycle printed before it, -1 before the first. ``background_bytes``
    and ``eager_bytes`` were given back to the system since the line before; ``released_bytes`` are with it now;
    ``used_share`` 0..1 of the retained heap is in use; ``forced`` by debug.FreeOSMemory.
    """

    after_cycle: Int64s
    background_bytes: Int64s
    eager_bytes: Int64s
    released_bytes: Int64s
    used_share: Float64s
    forced: Bools
