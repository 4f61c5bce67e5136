"""From two heap profiles of one program to what each of its functions gained in live memory: estimates."""

from __future__ import annotations

from collections import defaultdict

from mapmedic.model.comparison import ComparedBy, Comparison
from mapmedic.model.frames import is_standard_library
from mapmedic.model.heap import HeapProfile
from mapmedic.model.inventory_change import OwnerChange, OwnerFigures
from mapmedic.model.observation import Observation
from mapmedic.model.units import NANOSECONDS_PER_SECOND

_DOUBT = "estimates from sampled profiles; `mapmedic diagnose` says what of it is more than chance"


def compare_profiles(before: Observation, after: Observation) -> Comparison | None:
    """Return what changed between the last heap profiles of two observations; None where one has none."""
    old, new = _last_heap(before), _last_heap(after)
    if old is None or new is None:
        return None
    seconds = (new[0] - old[0]) / NANOSECONDS_PER_SECOND
    return Comparison(
        before.target,
        after.target,
        ComparedBy.SITE,
        compare_sites(old[1], new[1]),
        (round(old[1].total_inuse_bytes), round(new[1].total_inuse_bytes)),
        seconds if seconds > 0 else None,
        (_DOUBT,),
    )


def _last_heap(observation: Observation) -> tuple[int, HeapProfile] | None:
    return next(((c.at, c.heap) for c in reversed(observation.captures) if c.heap is not None), None)


def compare_sites(before: HeapProfile, after: HeapProfile) -> tuple[OwnerChange, ...]:
    """Return each allocating function of the program's own with its live objects and bytes at both moments."""
    old, new = _sites(before), _sites(after)
    rows = [
        OwnerChange(site, None, None, None, None, "profile", old.get(site), new.get(site))
        for site in dict.fromkeys((*new, *old))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.bytes, row.owner)))


def _sites(heap: HeapProfile) -> dict[str, OwnerFigures]:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for record, stack in enumerate(heap.stacks):
        own = next((f.function for f in stack if not is_standard_library(f.function)), None)
        place = own or (stack[0].function if stack else "?")
        sums[place][0] += float(heap.inuse_objects[record])
        sums[place][1] += float(heap.inuse_bytes[record])
    return {
        site: OwnerFigures(1, round(objects), None, round(held), None, None)
        for site, (objects, held) in sums.items()
        if round(held) > 0
    }
