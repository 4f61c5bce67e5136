"""What was seen of a target: parsed captures in order of time, and what could not be seen."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.findings import Blank
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.goroutines import GoroutineDump
from mapmedic.model.heap import HeapProfile
from mapmedic.model.inventory import Inventory
from mapmedic.model.memstats import MemStats
from mapmedic.model.units import NANOSECONDS_PER_SECOND, UnixNanoseconds


@dataclass(frozen=True, slots=True)
class RegisteredMap:
    """A map that the agent in the target knows by name."""

    name: str
    kind: str
    type: str
    entries: int | None
    registered_at: str | None


@dataclass(frozen=True, slots=True)
class MemoryPoint:
    """The target's memory at one moment; None where nothing said so."""

    at: UnixNanoseconds
    rss_bytes: int | None
    heap_alloc_bytes: int | None
    num_gc: int | None = None
    goroutines: int | None = None
    heap_idle_bytes: int | None = None
    heap_released_bytes: int | None = None
    sys_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Everything parsed from one visit to the target.

    ``goroutine_counts`` are all goroutines by stack; ``goroutines`` are the same with states and waiting
    times, which large services are not asked for. ``counters`` are the runtime's memory figures where they
    came by themselves and not with the heap profile. ``inventory`` is every map of the process, seen from outside.
    """

    at: UnixNanoseconds
    heap: HeapProfile | None
    goroutine_counts: GoroutineDump | None
    goroutines: GoroutineDump | None
    registered_maps: tuple[RegisteredMap, ...] | None
    counters: MemStats | None = None
    inventory: Inventory | None = None

    @property
    def goroutine_count(self) -> int | None:
        """Return how many goroutines there were, None where nobody counted them."""
        inside = self.inventory.goroutines if self.inventory else None
        dump = self.goroutine_counts or self.goroutines or inside
        return dump.total if dump else None

    @property
    def memstats(self) -> MemStats | None:
        """Return the runtime's own counters at this moment, None where nobody told them."""
        return (self.heap.memstats if self.heap else None) or self.counters


# The start of a process is reckoned from the machine's boot time, which the kernel gives in whole seconds
# and which moves when the clock is set.
SAME_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """Which process was seen: when it started by its own clock, and what it runs; None where nobody said so."""

    started_at_seconds: float | None = None
    program: str | None = None

    def surely_other_than(self, other: Process) -> bool:
        """Tell whether both said when they started, and it was not at the same time."""
        if self.started_at_seconds is None or other.started_at_seconds is None:
            return False
        return abs(self.started_at_seconds - other.started_at_seconds) > SAME_START_SECONDS


@dataclass(frozen=True, slots=True)
class Observation:
    """All captures of one target, oldest first, the finer memory timeline beside them, and the blanks.

    ``gc_trace``: what the process itself logged of its GCs, where somebody kept it. ``process``: which one it was.
    """

    target: str
    captures: tuple[Capture, ...]
    timeline: tuple[MemoryPoint, ...]
    not_captured: tuple[Blank, ...]
    go_version: str | None
    gc_trace: GcTrace | None = None
    process: Process = Process()

    @property
    def seconds(self) -> float:
        """Return the time between the first and the last capture, in seconds."""
        if not self.captures:
            return 0.0
        return (self.captures[-1].at - self.captures[0].at) / NANOSECONDS_PER_SECOND
