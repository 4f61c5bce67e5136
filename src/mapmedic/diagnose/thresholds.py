"""Every bar a rule measures against, in one place and printed beside each measurement."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.units import KIB, MIB


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The bars; a caller may hand in others.

    ``growth_sigmas``: how far above the profile's own sampling error growth must lie.
    ``doubt_sigmas``: from where growth is too likely for a clean bill of health.
    ``growth_bytes``: the least growth in the window that is worth a word.
    ``retained_share``: the least share of what was allocated in the window that must still be there.
    ``large_bytes``, ``large_share``: from when a container that does not grow is called large.
    ``steady_change``: the relative change in the window that still counts as steady.
    ``heap_change``: the relative growth of a busy live heap that is more than what is just under way.
    ``slice_array_bytes``: a growing slice shows as one array at least this long; smaller ones are values.
    ``goroutines``: the least growth in blocked goroutines; ``goroutine_share``: of all growth, at one site.
    ``outside_share``: the least part of RSS outside Go; ``idle_share``: of what Go holds, idle.
    ``late_gogc``: from what GOGC, in percent, the GC is called late.
    ``churn_array_bytes``: a map that never had an array this long is made for one value (a decoded object).
    ``churn_bytes_per_second``, ``churn_share``: the least that goes into a map's arrays, at all and of all
    allocation (the guide's 15 %); ``churn_kept``: the most of it that may be kept.
    ``emptied_bytes``: from when an emptied map is worth a word; ``emptied_contents``, ``emptied_made``: the most
    that may be left in it and the least that was ever put into it, against its arrays. ``emptied_traffic``: made
    and freed beside it per second, against its arrays, from when that alone may be what was "put into it".
    ``dead_share``: from what part of a map's own memory being dead it counts as emptied.
    ``outside_growth_bytes``: from when resident memory that grows beside a live heap that does not is worth a word.
    ``report_confidence``: from when a suspect is the verdict; below it is named and the verdict stays open.
    ``short_window_seconds``: below this a window says little about leaks that are slow or just beginning.
    """

    growth_sigmas: float = 4.0
    doubt_sigmas: float = 2.5
    growth_bytes: int = MIB
    retained_share: float = 0.5
    large_bytes: int = 64 * MIB
    large_share: float = 0.4
    steady_change: float = 0.02
    heap_change: float = 0.1
    slice_array_bytes: int = 128 * KIB
    goroutines: int = 50
    goroutine_share: float = 0.7
    outside_share: float = 0.3
    idle_share: float = 0.5
    late_gogc: float = 300.0
    churn_bytes_per_second: float = float(MIB)
    churn_share: float = 0.15
    churn_kept: float = 0.2
    churn_array_bytes: int = 4 * KIB
    emptied_bytes: int = 16 * MIB
    emptied_contents: float = 0.01
    emptied_made: float = 0.07
    emptied_traffic: float = 0.002
    dead_share: float = 0.5
    outside_growth_bytes: int = 16 * MIB
    report_confidence: float = 0.5
    short_window_seconds: float = 20.0
