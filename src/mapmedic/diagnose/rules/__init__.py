"""The rules, one file each: what it says, what it measures, how to mend what it finds."""

from __future__ import annotations

from collections.abc import Callable

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.rules.gc_lag import find_gc_lag
from mapmedic.diagnose.rules.goroutine_leak import find_goroutine_leaks
from mapmedic.diagnose.rules.idle_not_returned import find_idle_not_returned
from mapmedic.diagnose.rules.large_steady_map import find_large_steady_maps
from mapmedic.diagnose.rules.map_churn import find_map_churn
from mapmedic.diagnose.rules.map_leak import find_map_leaks
from mapmedic.diagnose.rules.map_never_shrinks import find_maps_that_never_shrink
from mapmedic.diagnose.rules.off_heap import find_off_heap
from mapmedic.diagnose.rules.slice_growth import find_growing_slices
from mapmedic.model.findings import Suspect, Verdict

Rule = Callable[[Case], list[Suspect]]

# Verdicts `healthy` and `undetermined` are what remains when no rule speaks (diagnose/verdict.py).
RULES: dict[Verdict, Rule] = {
    Verdict.MAP_LEAK: find_map_leaks,
    Verdict.SLICE_GROWTH: find_growing_slices,
    Verdict.GOROUTINE_LEAK: find_goroutine_leaks,
    Verdict.MAP_NEVER_SHRINKS: find_maps_that_never_shrink,
    Verdict.MAP_CHURN: find_map_churn,
    Verdict.OFF_HEAP: find_off_heap,
    Verdict.IDLE_NOT_RETURNED: find_idle_not_returned,
    Verdict.GC_LAG: find_gc_lag,
    Verdict.LARGE_STEADY_MAP: find_large_steady_maps,
}
