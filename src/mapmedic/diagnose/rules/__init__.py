"""The rules, one file each: what it says, what it measures, how to mend what it finds."""

from __future__ import annotations

from collections.abc import Callable

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.rules.goroutine_leak import find_goroutine_leaks
from mapmedic.diagnose.rules.large_steady_map import find_large_steady_maps
from mapmedic.diagnose.rules.map_leak import find_map_leaks
from mapmedic.diagnose.rules.slice_growth import find_growing_slices
from mapmedic.model.findings import Suspect, Verdict

Rule = Callable[[Case], list[Suspect]]

# Verdicts `healthy` and `undetermined` are what remains when no rule speaks (diagnose/verdict.py).
RULES: dict[Verdict, Rule] = {
    Verdict.MAP_LEAK: find_map_leaks,
    Verdict.SLICE_GROWTH: find_growing_slices,
    Verdict.GOROUTINE_LEAK: find_goroutine_leaks,
    Verdict.LARGE_STEADY_MAP: find_large_steady_maps,
}
