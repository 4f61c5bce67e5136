"""What the Go runtime says about its own memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemStats:
    """Hold the footer of ``heap?debug=1``: runtime.MemStats under Go's names, with units.

    Upstream: src/runtime/pprof/pprof.go writeHeapInternal; meanings in src/runtime/mstats.go.
    ``pause_ns`` and ``pause_end_ns`` are rings of the last 256 collections: pause number n (counted
    from 1) is at ``(n + 255) % 256``. ``max_rss_bytes`` is the peak of the process, not its present
    size, and None where the footer has none (Windows).
    """

    alloc_bytes: int
    total_alloc_bytes: int
    sys_bytes: int
    lookups: int
    mallocs: int
    frees: int
    heap_alloc_bytes: int
    heap_sys_bytes: int
    heap_idle_bytes: int
    heap_inuse_bytes: int
    heap_released_bytes: int
    heap_objects: int
    stack_inuse_bytes: int
    stack_sys_bytes: int
    mspan_inuse_bytes: int
    mspan_sys_bytes: int
    mcache_inuse_bytes: int
    mcache_sys_bytes: int
    buck_hash_sys_bytes: int
    gc_sys_bytes: int
    other_sys_bytes: int
    next_gc_bytes: int
    last_gc_ns: int
    pause_ns: tuple[int, ...]
    pause_end_ns: tuple[int, ...]
    num_gc: int
    num_forced_gc: int
    gc_cpu_fraction: float
    debug_gc: bool
    max_rss_bytes: int | None

    def recorded_pauses_ns(self) -> tuple[int, ...]:
        """Return the pauses the ring still holds, in no particular order, in nanoseconds."""
        return self.pause_ns[: min(self.num_gc, len(self.pause_ns))]

    def pause_of(self, number: int) -> int:
        """Return the pause of collection ``number``, one of the last 256, in nanoseconds."""
        return self.pause_ns[(number + len(self.pause_ns) - 1) % len(self.pause_ns)]

    def pauses_after(self, number: int) -> tuple[int, ...]:
        """Return the pauses of the collections after ``number`` that the ring still holds, in nanoseconds.

        All of them where fewer collections have run than ``number``: the process was started anew.
        """
        held = min(self.num_gc, len(self.pause_ns))
        fresh = min(held, self.num_gc - number) if number <= self.num_gc else held
        return tuple(self.pause_of(each) for each in range(self.num_gc - fresh + 1, self.num_gc + 1))

    def gc_pause_p99_ns(self) -> int | None:
        """Return the 99th percentile (nearest rank) of the recorded pauses in ns; None before the first."""
        pauses = sorted(self.recorded_pauses_ns())
        if not pauses:
            return None
        rank = -(-99 * len(pauses) // 100)
        return pauses[rank - 1]
