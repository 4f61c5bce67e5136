"""The memory of a target over time as columns to draw: before the fix, through it, after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from mapmedic.model.observation import MemoryPoint, Observation
from mapmedic.model.remedy import Outcome
from mapmedic.model.units import NANOSECONDS_PER_SECOND
from mapmedic.report.figures import finite

MAX_POINTS = 1_500
MAX_EVENTS = 60
MAX_ROWS = 40
_LAST_DATE = 253_402_300_799 * NANOSECONDS_PER_SECOND  # the end of the year 9999: no calendar shows more


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment; ``kind`` is "capture" or "fix"."""

    at: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Points in order of time, one for each moment, and what happened meanwhile."""

    points: tuple[MemoryPoint, ...]
    events: tuple[Event, ...]
    fixed_at: int | None

    @property
    def drawable(self) -> bool:
        """Tell whether there is a line to draw: two moments at which something is known."""
        return len(self.points) > 1 and self.points[0].at < self.points[-1].at

    @property
    def last_before(self) -> MemoryPoint | None:
        """Return the last point before the fix, the last of all where nothing was fixed."""
        fixed_at = self.fixed_at
        before = self.points if fixed_at is None else [point for point in self.points if point.at <= fixed_at]
        return before[-1] if before else None

    @property
    def last_after(self) -> MemoryPoint | None:
        """Return the last point after the fix, None where there is none."""
        fixed_at = self.fixed_at
        if fixed_at is None or not self.points or self.points[-1].at <= fixed_at:
            return None
        return self.points[-1]


def timeline_of(
    before: Observation | None, outcome: Outcome | None = None, after: Observation | None = None
) -> Timeline:
    """Return the whole course of memory that is known: as observed before a fix, through it, and after it."""
    fixed_at = _fixed_at(outcome)
    sources = [_ends(outcome), *(seen.timeline for seen in (before, outcome, after) if seen is not None)]
    points = _in_order(point for source in sources for point in source)
    events = [*_captures(before, "capture"), *_captures(after, "capture after the fix")]
    if len(events) > MAX_EVENTS:
        events = [events[len(events) * index // MAX_EVENTS] for index in range(MAX_EVENTS)]
    if fixed_at is not None and outcome is not None:
        events.append(Event(fixed_at, "fix", f"fix applied ({outcome.plan.strategy})"))
    ordered = tuple(sorted(events, key=lambda event: event.at))
    return Timeline(_thinned(points, MAX_POINTS), ordered, fixed_at)


def columns(timeline: Timeline) -> dict[str, object]:
    """Return what the drawing script reads: seconds since 1970 -> bytes, None where nothing is known."""
    return {
        "t": [point.at / NANOSECONDS_PER_SECOND for point in timeline.points],
        "rss": [finite(point.rss_bytes) for point in timeline.points],
        "heap": [finite(point.heap_alloc_bytes) for point in timeline.points],
        "events": [
            {"t": event.at / NANOSECONDS_PER_SECOND, "kind": event.kind, "text": event.text}
            for event in timeline.events
        ],
        "fixedAt": None if timeline.fixed_at is None else timeline.fixed_at / NANOSECONDS_PER_SECOND,
    }


def rows(timeline: Timeline) -> tuple[MemoryPoint, ...]:
    """Return a few of the points, evenly spread, for the table beside the picture."""
    return _thinned(timeline.points, MAX_ROWS)


def _fixed_at(outcome: Outcome | None) -> int | None:
    """Return the last moment before the fix: the nearest to the fix that an outcome tells."""
    if outcome is None or not outcome.applied:
        return None
    if outcome.dropped_at is not None:
        return outcome.dropped_at
    return outcome.before.at if outcome.before else None


def _ends(outcome: Outcome | None) -> tuple[MemoryPoint, ...]:
    """Return the points an outcome is told by; they come first, so that picture and figures agree."""
    if outcome is None:
        return ()
    return tuple(point for point in (outcome.before, outcome.after) if point is not None)


def _in_order(points: Iterable[MemoryPoint]) -> tuple[MemoryPoint, ...]:
    known: dict[int, MemoryPoint] = {}
    for point in points:
        if (point.rss_bytes is None and point.heap_alloc_bytes is None) or not 0 <= point.at <= _LAST_DATE:
            continue
        seen = known.get(point.at)
        known[point.at] = point if seen is None else _joined(seen, point)
    return tuple(known[at] for at in sorted(known))


def _joined(one: MemoryPoint, other: MemoryPoint) -> MemoryPoint:
    rss = other.rss_bytes if one.rss_bytes is None else one.rss_bytes
    heap = other.heap_alloc_bytes if one.heap_alloc_bytes is None else one.heap_alloc_bytes
    return MemoryPoint(one.at, rss, heap, one.num_gc or other.num_gc, one.goroutines or other.goroutines)


def _thinned(points: tuple[MemoryPoint, ...], limit: int) -> tuple[MemoryPoint, ...]:
    """Return at most ``limit`` points: the first, the last, and of each stretch between the highest."""
    if len(points) <= limit:
        return points
    inner, stretches = points[1:-1], limit - 2
    bounds = [len(inner) * index // stretches for index in range(stretches + 1)]
    peaks = [max(inner[low:high], key=_height) for low, high in pairwise(bounds)]
    return (points[0], *peaks, points[-1])


def _height(point: MemoryPoint) -> int:
    return max(point.rss_bytes or 0, point.heap_alloc_bytes or 0)


def _captures(observation: Observation | None, text: str) -> list[Event]:
    return [Event(capture.at, "capture", text) for capture in observation.captures] if observation else []
