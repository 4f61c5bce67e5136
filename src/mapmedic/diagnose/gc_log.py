"""What a gctrace log says about growth.

What was marked at each GC is live, to the MiB: growth is known from it without any profile. Who holds it is not
in there, so a log alone makes no verdict; it says what to capture next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.model.gctrace import GcTrace
from mapmedic.model.units import MIB

_LEAST_CYCLES = 6
# The log rounds each figure down to a MiB.
_ROUNDING = MIB


@dataclass(frozen=True, slots=True)
class LiveCourse:
    """How the live heap went: the least that was live in the first, the middle and the last third of the time.

    The least, because what is under way when a GC comes only adds to it; thirds of the time, because a start fills
    the first one with GCs. ``seconds`` is the time from the first cycle to the last; ``floors_apart_seconds`` from the
    floor of the middle third to that of the last.
    """

    floors_bytes: tuple[int, int, int]
    floors_apart_seconds: float
    seconds: float

    @property
    def bytes_per_second(self) -> float:
        """Return how fast the floor rose from the middle third to the last one; the start is left out."""
        return (self.floors_bytes[2] - self.floors_bytes[1]) / self.floors_apart_seconds

    def grows(self, bars: Thresholds) -> bool:
        """Tell whether the floor rose all the way, by more than rounding and a steady heap's share."""
        first, middle, last = self.floors_bytes
        least = max(bars.growth_bytes + _ROUNDING, bars.heap_change * middle)
        return first < middle and last - middle >= least


def live_course(trace: GcTrace) -> LiveCourse | None:
    """Return how the live heap of one process went, None where there are too few cycles to tell."""
    if trace.cycles < _LEAST_CYCLES:
        return None
    bounds = np.linspace(trace.at_seconds[0], trace.at_seconds[-1], 4)[1:-1]
    thirds = np.split(np.arange(trace.cycles), np.searchsorted(trace.at_seconds, bounds))
    if not all(len(rows) for rows in thirds):
        return None
    first, middle, last = (int(rows[trace.live_bytes[rows].argmin()]) for rows in thirds)
    floors = (int(trace.live_bytes[first]), int(trace.live_bytes[middle]), int(trace.live_bytes[last]))
    at = trace.at_seconds
    return LiveCourse(floors, float(at[last] - at[middle]), float(at[-1] - at[0]))


def what_the_gc_log_says(trace: GcTrace, bars: Thresholds) -> str:
    """Return the course of the live heap in ``trace`` as one sentence."""
    course = live_course(trace)
    if course is None:
        return f"the gctrace log holds {trace.cycles:,} GCs, too few or too unevenly spread to tell growth from noise"
    _, middle, last = (floor // MIB for floor in course.floors_bytes)
    basis = f"{middle:,} MiB at least, then {last:,} MiB, in the last two thirds of {course.seconds:,.0f} s"
    if course.grows(bars):
        return f"the live heap grows by about {course.bytes_per_second / MIB:.2g} MiB/s: {basis}"
    return f"the live heap does not grow: {basis} of its gctrace log"


def window_for(trace: GcTrace, least_seconds: float = 30.0, most_seconds: float = 600.0) -> float:
    """Return for how long to watch so that a few GCs come by themselves, in seconds."""
    gaps = np.diff(trace.at_seconds)
    return float(np.clip(4 * np.median(gaps), least_seconds, most_seconds)) if len(gaps) else least_seconds
