"""Places that allocate what stays and that no container in the profile accounts for.

A map of a few huge values is too small to be sampled itself, and what reaches a map through a channel was
allocated on another goroutine's stack. What grows is seen all the same; only who keeps it is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mapmedic.diagnose.containers import Container, Indices
from mapmedic.diagnose.history import Growth, History
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.model.findings import Site
from mapmedic.model.frames import is_standard_library
from mapmedic.model.heap import HeapProfile, Stack

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


def growing_places(
    history: History | None, containers: Iterable[Container], bars: Thresholds
) -> tuple[GrowingPlace, ...]:
    """Return the places that surely grow outside ``containers``, the fastest first, at most five."""
    if history is None or not history.moved:
        return ()
    free = np.ones(len(history.heap.stacks), dtype=bool)
    for container in containers:
        free[container.records] = False
    moved = (history.sampled_allocs[-1] != history.sampled_allocs[0]) | (
        history.sampled_inuse[-1] != history.sampled_inuse[0]
    )
    # Records that did not move add nothing to growth: most of a large profile.
    by_function = _by_function(history, np.flatnonzero(free & moved))
    growths = {name: history.growth(records) for name, records in by_function.items()}
    growing = [name for name, growth in growths.items() if _grows(bars, growth)]
    growing = sorted(growing, key=lambda name: -growths[name].bytes)[:_MOST_PLACES]
    whole = _by_function(history, np.flatnonzero(free), frozenset(growing)) if growing else {}
    return tuple(_place(history, whole[name]) for name in growing)


def _by_function(
    history: History, records: Indices, only: frozenset[str] | None = None
) -> dict[str, Indices]:
    """Return the innermost function of the program's own -> those of ``records`` that it allocates."""
    stacks = history.heap.stacks
    found: dict[str, list[int]] = defaultdict(list)
    for record in records.tolist():
        own = next(
            (frame.function for frame in stacks[record] if not is_standard_library(frame.function)), None
        )
        if own is not None and (only is None or own in only):
            found[own].append(record)
    return {name: np.array(each, dtype=np.int64) for name, each in found.items()}


def _grows(bars: Thresholds, growth: Growth) -> bool:
    return (
        growth.bytes >= bars.growth_bytes
        and growth.sigmas >= bars.growth_sigmas
        and growth.objects_made >= _FEWEST_OBJECTS
        and (growth.retained_share or 0.0) >= bars.retained_share
    )


def _place(history: History, records: Indices) -> GrowingPlace:
    gained = history.inuse_bytes[-1, records] - history.inuse_bytes[0, records]
    busiest = int(records[int(np.argmax(gained))])
    stack = history.heap.stacks[busiest]
    frames = tuple(Site(f.function, f.file, f.line) for f in stack if not is_standard_library(f.function))
    same = [r for r in records.tolist() if _same_objects(history.heap, r, busiest, frames[0])]
    objects, error = history.objects_gained(np.array(same, dtype=np.int64))
    held = float(history.heap.inuse_bytes[records].sum())
    return GrowingPlace(frames[0], stack, frames, records, history.growth(records), held, objects, error)


def _same_objects(heap: HeapProfile, record: int, busiest: int, site: Site) -> bool:
    """Tell whether ``record`` is of the objects that ``busiest`` counts: made at one line, of one size."""
    frame = next(f for f in heap.stacks[record] if not is_standard_library(f.function))
    return frame.line == site.line and bool(heap.object_bytes[record] == heap.object_bytes[busiest])
