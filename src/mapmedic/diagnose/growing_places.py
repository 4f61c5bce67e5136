"""Places that allocate what stays and that no container in the profile accounts for.

A map of a few huge values is too small to be sampled itself, and what reaches a map through a channel was
allocated on another goroutine's stack. What grows is seen all the same; only who keeps it is not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.containers import Indices
from mapmedic.diagnose.history import Growth
from mapmedic.model.findings import Site
from mapmedic.model.frames import is_standard_library
from mapmedic.model.heap import Stack

_FEWEST_OBJECTS = 5.0
_MOST_PLACES = 5


@dataclass(frozen=True, slots=True, eq=False)
class GrowingPlace:
    """A function of the program's own that allocates what stays: its busiest line, its records, their growth.

    ``frames`` are the program's own frames of the busiest stack, innermost first. ``held_bytes``: now.
    ``objects``: how many objects the busiest line gained, ``objects_error`` one standard deviation of that.
    """

    site: Site
    stack: Stack
    frames: tuple[Site, ...]
    records: Indices
    growth: Growth
    held_bytes: float
    objects: float
    objects_error: float

    @property
    def at(self) -> str:
        """Return "function:line", as far as it is known."""
        return f"{self.site.function}:{self.site.line}" if self.site.line else self.site.function


def growing_places(case: Case) -> tuple[GrowingPlace, ...]:
    """Return the places that surely grow outside every container, the fastest first, at most five."""
    if case.history is None or not case.growth_known:
        return ()
    history = case.history
    free = np.ones(len(history.heap.stacks), dtype=bool)
    for container in case.containers:
        free[container.records] = False
    moved = (history.sampled_allocs[-1] != history.sampled_allocs[0]) | (
        history.sampled_inuse[-1] != history.sampled_inuse[0]
    )
    # Records that did not move add nothing to growth: most of a large profile.
    grew = [
        name
        for name, records in _by_function(case, np.flatnonzero(free & moved)).items()
        if _grows(case, history.growth(records))
    ]
    whole = _by_function(case, np.flatnonzero(free), frozenset(grew)) if grew else {}
    places = sorted(
        (_place(case, records) for records in whole.values()), key=lambda each: -each.growth.bytes
    )
    return tuple(places[:_MOST_PLACES])


def _by_function(case: Case, records: Indices, only: frozenset[str] | None = None) -> dict[str, Indices]:
    """Return the innermost function of the program's own -> those of ``records`` that it allocates."""
    assert case.history is not None  # noqa: S101 - growing_places returned early otherwise
    stacks = case.history.heap.stacks
    found: dict[str, list[int]] = defaultdict(list)
    for record in records.tolist():
        own = next(
            (frame.function for frame in stacks[record] if not is_standard_library(frame.function)), None
        )
        if own is not None and (only is None or own in only):
            found[own].append(record)
    return {name: np.array(each, dtype=np.int64) for name, each in found.items()}


def _grows(case: Case, growth: Growth) -> bool:
    bars = case.thresholds
    return (
        growth.bytes >= bars.growth_bytes
        and growth.sigmas >= bars.growth_sigmas
        and growth.objects_made >= _FEWEST_OBJECTS
        and (growth.retained_share or 0.0) >= bars.retained_share
    )


def _place(case: Case, records: Indices) -> GrowingPlace:
    assert case.history is not None  # noqa: S101 - growing_places returned early otherwise
    history = case.history
    gained = history.inuse_bytes[-1, records] - history.inuse_bytes[0, records]
    busiest = int(records[int(np.argmax(gained))])
    stack = history.heap.stacks[busiest]
    frames = tuple(Site(f.function, f.file, f.line) for f in stack if not is_standard_library(f.function))
    same = np.array(
        [r for r in records.tolist() if _same_objects(case, r, busiest, frames[0])], dtype=np.int64
    )
    objects, error = history.objects_gained(same)
    held = float(history.heap.inuse_bytes[records].sum())
    return GrowingPlace(frames[0], stack, frames, records, history.growth(records), held, objects, error)


def _same_objects(case: Case, record: int, busiest: int, site: Site) -> bool:
    """Tell whether ``record`` is of the objects that ``busiest`` counts: made at one line, of one size."""
    assert case.history is not None  # noqa: S101 - as above
    heap = case.history.heap
    frame = next(f for f in heap.stacks[record] if not is_standard_library(f.function))
    return frame.line == site.line and heap.object_bytes[record] == heap.object_bytes[busiest]
