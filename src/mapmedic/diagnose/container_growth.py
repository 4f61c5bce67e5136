"""A container that keeps what it is given: the measurement that map_leak and slice_growth share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import dropwhile

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container, Indices
from mapmedic.diagnose.crediting import is_library
from mapmedic.diagnose.history import Columns, Growth, History
from mapmedic.diagnose.retention import in_words, retention
from mapmedic.model.findings import Evidence, Fix, Reason, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind, Frame, is_standard_library

_HEAP_TEXT = "heap?debug=1, runtime frames restored"
_TWO_HEAPS = "difference of heap profiles between completed GCs"
# A growing array is copied into a larger one: a map's is twice as long (two halves of a split table as
# well), a long slice's a quarter longer, so that five bytes are allocated for each byte gained.
_REMADE = {ContainerKind.MAP: 2.0, ContainerKind.SYNC_MAP: 2.0, ContainerKind.SLICE: 5.0}
# Contents count by allocating function, and only where they surely grow: a handler's garbage is no map's value,
# and to pick what happened to grow of sixty places would make growth of chance (80 % false alarms without it).
_PART_SIGMAS = 3.5
# Fewer objects than this are no trend, however large and however surely seen.
_FEWEST_OBJECTS = 5.0
# More small maps than this come and stay: each of them is a value, and no single one leaks.
_MANY_MAPS = 50.0
_MAPS_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class _Measured:
    """A container, its growth in the part of it that grows, and the growth of the whole live heap."""

    container: Container
    growth: Growth
    total: Growth
    one_step: bool
    beside: ContainerKind | None
    maps_gained: float

    @property
    def part(self) -> float:
        """Return this growth as a part of the live heap's."""
        return min(1.0, self.growth.bytes / self.total.bytes) if self.total.bytes > 0 else 1.0


def growing_suspects(case: Case, containers: list[Container], code: Verdict, fix: Fix) -> list[Suspect]:
    """Return a suspect for each of ``containers`` that grew by more than chance and kept what it got."""
    history = case.history
    if history is None or not case.growth_known:
        return []
    total = history.growth()
    measured = [_measure(case, history, container, total) for container in containers]
    return [_suspect(case, history, each, code, fix) for each in measured if _is_growing(case, each.growth)]


def _measure(case: Case, history: History, container: Container, total: Growth) -> _Measured:
    parts = _kept_contents(case, history, container)
    records = np.concatenate([container.arrays, *parts])
    remade: Columns = np.ones(len(records))
    remade[: len(container.arrays)] = _REMADE[container.kind]
    arrays = history.growth(container.arrays)
    return _Measured(
        container=container,
        growth=history.growth(records, remade),
        total=total,
        one_step=not parts and round(arrays.objects_made) <= 1,
        beside=_also_filled(case, container) if parts else None,
        maps_gained=_maps_gained(history, container),
    )


def _also_filled(case: Case, container: Container) -> ContainerKind | None:
    """Return what else the inserting function of ``container`` fills; the stacks of their contents are the same."""
    others = (c for c in case.containers if c.site.function == container.site.function)
    return next((c.kind for c in others if c.kind is not container.kind), None)


def _maps_gained(history: History, container: Container) -> float:
    """Return how many more small maps there are at the end; shards of one map grow, but do not become more."""
    if not container.small_maps:
        return 0.0
    longest = container.arrays[history.heap.object_bytes[container.arrays] == container.longest_array_bytes]
    gained, error = history.objects_gained(longest)
    return gained if gained > _MAPS_SIGMAS * error else 0.0


def _kept_contents(case: Case, history: History, container: Container) -> list[Indices]:
    """Return the contents that grow and stay, one array of records for each allocating function.

    Of a function that makes garbage as well, the lines whose objects stay (a draft beside the result).
    """
    kept = []
    for lines in _by_function_and_line(history, container.contents).values():
        whole = np.array([record for records in lines.values() for record in records], dtype=np.int64)
        parts = [np.array(records, dtype=np.int64) for records in lines.values()]
        kept += (
            [whole] if _is_kept(case, history, whole) else [p for p in parts if _is_kept(case, history, p)]
        )
    return kept


def _is_kept(case: Case, history: History, part: Indices) -> bool:
    growth = history.growth(part)
    return (
        growth.sigmas >= _PART_SIGMAS
        and growth.objects_made >= _FEWEST_OBJECTS
        and (growth.retained_share or 0.0) >= case.thresholds.retained_share
    )


def _by_function_and_line(history: History, contents: Indices) -> dict[str, dict[int, list[int]]]:
    by_function: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for record in contents.tolist():
        frames = (frame for frame in history.heap.stacks[record] if not is_standard_library(frame.function))
        frame = next(frames, Frame(""))
        by_function[frame.function][frame.line or 0].append(record)
    return by_function


def _is_growing(case: Case, growth: Growth) -> bool:
    bars = case.thresholds
    return (
        growth.bytes >= bars.growth_bytes
        and growth.sigmas >= bars.growth_sigmas
        and (growth.retained_share or 0.0) >= bars.retained_share
    )


def _suspect(case: Case, history: History, measured: _Measured, code: Verdict, fix: Fix) -> Suspect:
    reasons = _reasons(case, measured)
    container, growth = measured.container, measured.growth
    return Suspect(
        code=code,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=case.held_bytes(container),
        site=_growing_site(history, container),
        kind=container.kind,
        growth_bytes_per_second=growth.bytes_per_second,
        growth_uncertainty=growth.uncertainty_per_second,
        evidence=_evidence(case, history, measured),
        stack=tuple(frame.function for frame in reversed(container.stack)),
        fix=fix,
    )


def _growing_site(history: History, container: Container) -> Site:
    """Return the inserting line below which the arrays grew most: a function may fill two maps."""
    best, line = 0.0, container.site.line
    for each in sorted(set(container.array_lines.tolist())):
        gained = history.growth(container.arrays[container.array_lines == each]).bytes
        if each and gained > best:
            best, line = gained, each
    return replace(container.site, line=line)


def _evidence(case: Case, history: History, measured: _Measured) -> tuple[Evidence, ...]:
    bars, container, growth = case.thresholds, measured.container, measured.growth
    arrays = int(history.heap.inuse_bytes[container.arrays].sum())
    own = Evidence(
        f"memory of the {container.kind} itself, allocated at this site", arrays, None, _HEAP_TEXT, "bytes"
    )
    unseen = Evidence(f"memory of the {container.kind} itself", "too little to be sampled", None, _HEAP_TEXT)
    linked = (
        Evidence("why what grows is its own", link.found, None, link.source) for link in container.links
    )
    return (
        *_filled_for(container),
        own if len(container.arrays) else unseen,
        Evidence(
            "with what it holds (allocated by the same calls)", case.held_bytes(container), None,
            _HEAP_TEXT, "bytes",
        ),
        Evidence(
            f"growth over {growth.seconds:.1f} s", growth.bytes, bars.growth_bytes, _TWO_HEAPS, "bytes"
        ),
        Evidence("growth against its sampling error", growth.sigmas, bars.growth_sigmas, _TWO_HEAPS, "sigma"),
        *retention(history.growth(container.records)),
        Evidence(
            "of what went into the part that grows, still held", growth.retained_share or 0.0,
            bars.retained_share, _TWO_HEAPS, "share",
        ),
        Evidence("intervals in which it grew", f"{growth.rising} of {growth.intervals}", None, _TWO_HEAPS),
        Evidence("its part of the live heap's growth", measured.part, None, _TWO_HEAPS, "share"),
        Evidence("its part of the live heap", case.share_of_heap(container), None, _HEAP_TEXT, "share"),
        *linked,
    )  # fmt: skip


def _filled_for(container: Container) -> tuple[Evidence, ...]:
    """Return whose call it is that fills a library's container (a cache in a module): the program's own."""
    frames = list(dropwhile(lambda frame: frame.function != container.site.function, container.stack))
    own = next((frame for frame in frames if not is_library(frame)), None)
    if own is None or own is frames[0]:
        return ()
    place = f"{own.function}:{own.line}" if own.line else own.function
    return (Evidence("the program's own code that fills it through a library", place, None, _HEAP_TEXT),)


def _reasons(case: Case, measured: _Measured) -> tuple[Reason, ...]:
    growth, part = measured.growth, measured.part
    kept = growth.retained_share or 0.0
    reasons = [
        Reason(
            f"it grows at {growth.sigmas:.0f} times the sampling error", min(0.7, 0.4 + 0.02 * growth.sigmas)
        ),
        Reason(in_words(growth), 0.5 * kept),
    ]
    if growth.intervals > 1 and growth.rising == growth.intervals:
        reasons.append(Reason(f"it grew in each of {growth.intervals} intervals", 0.3))
    if part >= 0.5:
        reasons.append(Reason(f"it accounts for {part:.0%} of the live heap's growth", 0.4 * part))
    linked = tuple(Reason(link.text, link.weight) for link in measured.container.links)
    return (*reasons, *linked, *_doubts(case, measured))


def _doubts(case: Case, measured: _Measured) -> tuple[Reason, ...]:
    growth, doubts = measured.growth, []
    if growth.rising < growth.intervals:
        doubts.append(Reason(f"it grew in only {growth.rising} of {growth.intervals} intervals", -0.2))
    if measured.one_step:
        doubts.append(Reason("its array grew once: that happens to a map that fills up, too", -0.6))
    if measured.maps_gained > _MANY_MAPS:
        size = measured.container.longest_array_bytes
        more = f"{measured.maps_gained:,.0f} more maps with arrays of at most {size:,} bytes"
        doubts.append(Reason(f"there are some {more}: what keeps them grows, and is not seen", -0.6))
    if measured.beside is not None:
        also = f"the same function also fills a {measured.beside}"
        doubts.append(Reason(f"{also}: stacks do not tell which of them keeps what it makes", -0.15))
    if _slows_down(growth):
        doubts.append(Reason("it grows more slowly by the end: a cache that fills up looks like this", -0.2))
    if growth.seconds < case.thresholds.short_window_seconds:
        doubts.append(
            Reason(f"a window of {growth.seconds:.0f} s cannot tell a leak from a cache still filling", -0.05)
        )
    return tuple(doubts)


def _slows_down(growth: Growth) -> bool:
    """Tell whether the last third of the window brought less than half of what the first did, beyond chance."""
    third = growth.intervals // 3
    if not third:
        return False
    first, last = sum(growth.steps[:third]), sum(growth.steps[-third:])
    return last < first / 2 and first - last > 2 * growth.uncertainty_bytes
