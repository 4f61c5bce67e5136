"""Which captures of a heap are different pictures, of one process, and when each was taken.

Go publishes the state at the end of a GC's marking only when its sweep is done: at the next GC, or at
once after a forced one (src/runtime/mprof.go, mProf_NextCycle and mProf_PostSweep). So a capture at
NumGC n shows the heap at the end of GC n-1, and at the end of GC n where somebody forced it (gc=1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mapmedic.model.heap import HeapProfile
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import Capture
from mapmedic.model.units import NANOSECONDS_PER_SECOND

# Two GCs of the service's first second, seen late, show how it was loaded and nothing of the window.
_LEAST_PART_OF_WINDOW = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A heap profile and the moment it shows, in seconds on a clock that all pictures of a target share."""

    heap: HeapProfile
    seconds: float


def distinct_pictures(captures: Sequence[Capture]) -> list[Picture]:
    """Return one picture for each GC that ``captures`` (of one process, oldest first) saw."""
    by_gc: dict[int, Capture] = {}
    for capture in captures:
        if capture.memstats is not None:
            by_gc.setdefault(capture.memstats.num_gc, capture)
    distinct = list(by_gc.values())
    if not distinct:
        # Without the footer nobody can tell whether a GC lay between: keep only the latest.
        return [Picture(c.heap, 0.0) for c in captures if c.heap is not None][-1:]
    moments = _moments(distinct)
    window = (captures[-1].at - captures[0].at) / NANOSECONDS_PER_SECOND
    pairs = zip(distinct, moments, strict=True)
    pictures = [Picture(c.heap, seconds) for c, seconds in pairs if c.heap is not None]
    return pictures if moments[-1] - moments[0] >= _LEAST_PART_OF_WINDOW * window else pictures[-1:]


def since_restart(captures: Sequence[Capture]) -> tuple[tuple[Capture, ...], str | None]:
    """Return ``captures`` in order of time, from the last restart on, and the counter that gave it away.

    The counters never fall while a process lives; where they do the target was restarted, or another
    process answered in its place.
    """
    ordered = sorted(captures, key=lambda c: c.at)
    told = [(i, c.memstats) for i, c in enumerate(ordered) if c.memstats is not None]
    start, fell = 0, None
    for (_, earlier), (index, later) in pairwise(told):
        if why := _what_fell(earlier, later):
            start, fell = index, why
    return tuple(ordered[start:]), fell


def _what_fell(earlier: MemStats, later: MemStats) -> str | None:
    counts = (
        ("NumGC", earlier.num_gc, later.num_gc),
        ("TotalAlloc", earlier.total_alloc_bytes, later.total_alloc_bytes),
        ("Mallocs", earlier.mallocs, later.mallocs),
    )
    return next((f"{name} fell from {old:,} to {new:,}" for name, old, new in counts if new < old), None)


def _moments(captures: Sequence[Capture]) -> list[float]:
    """Return when each capture's picture was taken, by the target's clock, else (for all of them) by ours."""
    stats = [c.memstats for c in captures if c.memstats is not None]
    forced = stats[-1].num_forced_gc > stats[0].num_forced_gc > 0
    ends = [_gc_end_ns(each, forced) for each in stats]
    if any(end <= 0 for end in ends) or any(b <= a for a, b in pairwise(ends)):
        ends = [int(capture.at) for capture in captures]
    return [end / NANOSECONDS_PER_SECOND for end in ends]


def _gc_end_ns(stats: MemStats, forced: bool) -> int:
    """Return when the GC ended whose heap ``stats`` comes with; 0 where nobody says so."""
    ring = len(stats.pause_end_ns)
    if forced or not ring or stats.num_gc < 2:
        return stats.last_gc_ns
    return stats.pause_end_ns[(stats.num_gc - 2) % ring]
