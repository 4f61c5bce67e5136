"""Change several maps one after the other: each in stops of its own, under its own conditions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapmedic.goheap.stack_watch import Standing
from mapmedic.memory.reader import ReadPlaces
from mapmedic.model.field_wish import FieldCount
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Moment, Safe, Unsafe
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.together import Part, of_part
from mapmedic.remedy.outside.way import Act


class InTurn:
    """The watch and the way of ``parts``, of which each is an eviction: those of the one whose turn it is.

    How many entries a field must have is asked when its turn begins: a batch that went makes them fewer.
    """

    is_one_write = False

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts, self._at = tuple(parts), 0
        self._has_begun = False
        self._skipped: set[str] = set()
        self._own = Act((), 0)

    @property
    def address(self) -> int:
        """Return where the map lies whose turn it is."""
        return self._part.watch.address

    @property
    def locks(self) -> tuple[MapLock, ...]:
        """Return the locks of the map whose turn it is."""
        return self._part.watch.locks

    def glance(self, read: ReadPlaces) -> Unsafe | None:
        """Return what forbids a change and can be seen while the process runs."""
        seen = self._part.watch.glance(read)
        return None if seen is None else of_part(self._part, seen)

    def judge(self, standing: Standing) -> Moment:
        """Return whether the map whose turn it is may be changed now."""
        moment = self._part.watch.judge(standing)
        return of_part(self._part, moment) if isinstance(moment, Unsafe) else moment

    def count(self, _read: ReadPlaces) -> int | None:
        """Return nothing: what counts of each map are the entries that were to go."""
        return None

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return what takes the next entries out of the map whose turn it is."""
        part = self._part
        act = self._left_as_it_is(standing.read) or part.way.changes(standing, moment)
        if isinstance(act, Unsafe):
            return of_part(part, act)
        self._own, name = act, part.wish.name
        return replace(
            act,
            evidence=tuple(f"{name}: {each}" for each in act.evidence),
            left=tuple((f"{name}: {why}", count) for why, count in act.left),
            is_last=act.is_last and self._at == len(self._parts) - 1,
        )

    def done(self, _act: Act) -> None:
        """Go on within the map, or with the next one."""
        if self._part.wish.name not in self._skipped:
            self._part.way.done(self._own)
        self._has_begun = not self._own.is_last
        if self._own.is_last and self._at < len(self._parts) - 1:
            self._at += 1

    def fields(self, _read: ReadPlaces) -> tuple[FieldCount, ...]:
        """Return of each map that was to be changed how many entries were to go, and how many of these stayed."""
        ways = [(part.wish.name, part.way) for part in self._parts if part.wish.name not in self._skipped]
        return tuple(
            FieldCount(name, len(way.plan.chosen), len(way.plan.chosen) - way.gone)
            for name, way in ways
            if isinstance(way, Eviction)
        )

    @property
    def _part(self) -> Part:
        return self._parts[self._at]

    def _left_as_it_is(self, read: ReadPlaces) -> Act | None:
        """Return the act that does nothing where the map has too few entries by now to be meant."""
        entries, wish = self._part.watch.count(read), self._part.wish
        if self._has_begun or entries is None or wish.holds(entries):
            return None
        self._skipped.add(wish.name)
        return Act((), 0, (f"left as it is: it has {entries:,} entries by now",))
