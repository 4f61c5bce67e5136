"""What the garbage collector says of a fix: its pauses, the slope of the live heap, and its own log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.model.gctrace import GcTrace
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check
from mapmedic.model.units import MIB, NANOSECONDS_PER_SECOND
from mapmedic.remedy.figures import relative_change

# Of fewer pauses a 99th percentile, of fewer collections a slope, says nothing.
_LEAST_PAUSES = 5
_LEAST_CYCLES = 4
_LEAST_SECONDS = 2.0
# What is left of a growth that is gone.
_GONE = 0.1
# A slope is told from none by as many standard errors.
_SIGMAS = 2.0
# The log rounds to three digits, and the runtime's own two clocks differ by microseconds.
_SAME_SHARE = 0.1
_SAME_MS = 0.05


def pause_check(
    before: MemStats | None, after: MemStats | None, bar_ms: float, since_gc: int | None
) -> Check:
    """Compare the 99th percentile of the pauses before with that of the collections after number ``since_gc``."""
    first = before.gc_pause_p99_ns() if before else None
    begin = since_gc if since_gc is not None else before.num_gc if before else 0
    pauses = sorted(after.pauses_after(begin)) if after else []
    p99 = pauses[-(-99 * len(pauses) // 100) - 1] if len(pauses) >= _LEAST_PAUSES else None
    earlier, later = (None if ns is None else ns / 1e6 for ns in (first, p99))
    passed = later is not None and later <= bar_ms
    if after is None:
        why = "not known: heap?debug=1, which has the pauses, was not to be had"
    elif later is None:
        why = f"not known: GCs since: {len(pauses)}, a percentile needs {_LEAST_PAUSES} (--within longer)"
    else:
        why = f"of {len(pauses)} collections since" + ("" if passed else ", longer than the bar")
    return Check(
        "gc_pause_p99", earlier, later, relative_change(earlier, later), bar_ms, passed, why, "ms",
        decides=later is not None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast the live heap grows, in bytes per second, with its standard error, over ``cycles`` collections."""

    per_second: float
    error: float
    cycles: int
    seconds: float


def live_slope(points: Sequence[MemoryPoint]) -> Slope | None:
    """Return the slope of HeapAlloc at its lowest in each collection's time; None where that cannot be known."""
    lowest: dict[int, tuple[float, int]] = {}
    for point in points:
        if point.num_gc is not None and point.heap_alloc_bytes is not None:
            seconds = (point.at - points[0].at) / NANOSECONDS_PER_SECOND
            known = lowest.get(point.num_gc)
            if known is None or point.heap_alloc_bytes < known[1]:
                lowest[point.num_gc] = (seconds, point.heap_alloc_bytes)
    seen = list(lowest.values())
    if len(seen) < _LEAST_CYCLES or seen[-1][0] - seen[0][0] < _LEAST_SECONDS:
        return None
    return _fit(seen)


def _fit(seen: Sequence[tuple[float, int]]) -> Slope:
    """Return the least-squares line through ``seen`` (seconds, bytes)."""
    count = len(seen)
    mean_at, mean = (sum(column) / count for column in zip(*seen, strict=True))
    spread = sum((at - mean_at) ** 2 for at, _ in seen)
    slope = sum((at - mean_at) * (value - mean) for at, value in seen) / spread
    rest = sum((value - mean - slope * (at - mean_at)) ** 2 for at, value in seen)
    return Slope(slope, math.sqrt(rest / (count - 2) / spread), count, seen[-1][0] - seen[0][0])


def growth_check(
    before: Slope | None, after: Slope | None, *, decides: bool, full_bytes: int | None = None
) -> Check:
    """Tell whether the heap still grows; emptying a map does not ``decide`` by it: the leak is still there."""
    earlier, later = (None if each is None else each.per_second for each in (before, after))
    if after is None:
        why = f"not known: it takes {_LEAST_CYCLES} collections over {_LEAST_SECONDS:g} s to see a slope"
        return Check("growth", earlier, None, None, None, False, why, "bytes/s", decides=False)
    bar = max(_SIGMAS * after.error, _GONE * earlier if earlier and earlier > 0 else 0.0)
    gone = after.per_second <= bar
    rate = f"{after.per_second / MIB:+,.2f} ± {after.error / MIB:,.2f} MiB/s over {after.cycles} collections"
    why = rate if gone else f"it grows again: {rate}{_time_bought(after, full_bytes)}"
    return Check(
        "growth", earlier, later, relative_change(earlier, later), bar, gone, why, "bytes/s", decides=decides
    )


def _time_bought(slope: Slope, full_bytes: int | None) -> str:
    if not full_bytes:
        return "; the leak itself needs the patch"
    return f"; in about {full_bytes / slope.per_second:,.0f} s it is where it was: the leak itself needs the patch"


def trace_check(trace: GcTrace, before: MemStats | None, after: MemStats | None) -> Check:
    """Compare the log's pauses with the runtime's own, collection by collection, between two moments."""
    if before is None or after is None or after.num_gc <= before.num_gc:
        why = "not known: no collection lies between two readings of MemStats"
        return Check("gctrace_agrees", None, None, None, None, False, why, "collections", decides=False)
    kept = range(max(before.num_gc, after.num_gc - len(after.pause_ns)) + 1, after.num_gc + 1)
    logged = dict(zip(trace.number.tolist(), trace.pause_ms.tolist(), strict=True))
    missing = [number for number in kept if number not in logged]
    off = [n for n in kept if n in logged and not _same(logged[n], after.pause_of(n) / 1e6)]
    why = f"{len(kept)} collections, pauses as MemStats has them"
    if missing or off:
        why = f"{len(missing)} of {len(kept)} collections are not in the log, {len(off)} have another pause there"
        why += ": it is of another process, or was cut"
    agreeing = len(kept) - len(missing) - len(off)
    change = relative_change(len(kept), agreeing)
    return Check(
        "gctrace_agrees", len(kept), agreeing, change, len(kept), not (missing or off), why, "collections"
    )


def _same(logged_ms: float, kept_ms: float) -> bool:
    return abs(logged_ms - kept_ms) <= max(_SAME_MS, _SAME_SHARE * kept_ms)
