"""Change several maps in one stop: each under its own conditions, all of them or none.

Each change leaves its map whole, so death between two of them leaves whole maps as well, and the journal has all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mapmedic.goheap.stack_watch import Standing
from mapmedic.memory.reader import ReadPlaces
from mapmedic.model.field_wish import FieldCount, FieldWish
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Moment, Safe, Unsafe
from mapmedic.remedy.outside.way import Act, Watch, Way


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of the maps: what is asked of it, how it is changed, and on which condition at that moment."""

    wish: FieldWish
    watch: Watch
    way: Way


@dataclass(frozen=True, slots=True)
class SafeTogether(Safe):
    """A moment that is safe for every part; ``moments`` has each one's own, in their order."""

    moments: tuple[Safe, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TogetherWatch:
    """Asks of every part what is asked of it alone."""

    parts: tuple[Part, ...]

    @property
    def address(self) -> int:
        """Return where the first of them lies."""
        return self.parts[0].watch.address

    @property
    def locks(self) -> tuple[MapLock, ...]:
        """Return the locks of all of them, each once."""
        return tuple({lock.address: lock for part in self.parts for lock in part.watch.locks}.values())

    def glance(self, read: ReadPlaces) -> Unsafe | None:
        """Return what forbids a change of one of them and can be seen while the process runs."""
        for part in self.parts:
            seen = part.watch.glance(read)
            if seen is not None:
                return of_part(part, seen)
        return None

    def judge(self, standing: Standing) -> Moment:
        """Return whether all may be changed now."""
        moments: list[Safe] = []
        for part in self.parts:
            moment = part.watch.judge(standing)
            if isinstance(moment, Unsafe):
                return of_part(part, moment)
            moments.append(moment)
        said = [
            f"{part.wish.name}: {each}"
            for part, of in zip(self.parts, moments, strict=True)
            for each in of.evidence
        ]
        headers = b"".join(each.header for each in moments)
        return SafeTogether(headers, tuple(said), moments=tuple(moments))

    def count(self, read: ReadPlaces) -> int | None:
        """Return how many entries those have that are meant by what they hold now."""
        counts = [part.watch.count(read) for part in self.parts]
        if None in counts:
            return None
        return sum(
            n for part, n in zip(self.parts, counts, strict=True) if n is not None and part.wish.holds(n)
        )


@dataclass(frozen=True, slots=True, eq=False)
class TogetherWay:
    """Changes every part that is meant by what it holds at that moment."""

    parts: tuple[Part, ...]
    _acts: list[tuple[Part, Act]] = field(default_factory=list)

    @property
    def is_one_write(self) -> bool:
        """Tell whether each map is whole after each change."""
        return all(part.way.is_one_write for part in self.parts)

    def done(self, act: Act) -> None:
        """Let each part take note of its own share of ``act``."""
        for part, own in self._acts:
            part.way.done(own)

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return the changes of all, one part after the other."""
        assert isinstance(moment, SafeTogether)  # noqa: S101 - TogetherWatch made it
        done = Act((), 0)
        self._acts.clear()
        for part, own in zip(self.parts, moment.moments, strict=True):
            act = self._of(part, standing, own)
            if isinstance(act, Unsafe):
                return of_part(part, act)
            said = tuple(f"{part.wish.name}: {each}" for each in act.evidence)
            done = Act(
                done.changes + act.changes, done.entries + act.entries, done.evidence + said,
                done.is_last and act.is_last,
            )  # fmt: skip
        return done

    def fields(self, read: ReadPlaces) -> tuple[FieldCount, ...]:
        """Return of each map how many entries went, and how many it has now."""
        return tuple(
            FieldCount(part.wish.name, act.entries, part.watch.count(read)) for part, act in self._acts
        )

    def _of(self, part: Part, standing: Standing, moment: Safe) -> Act | Unsafe:
        entries = part.watch.count(standing.read)
        if entries is not None and not part.wish.holds(entries):
            return Act((), 0, (f"left as it is: it has {entries:,} entries by now",))
        act = part.way.changes(standing, moment)
        if isinstance(act, Unsafe):
            return act
        self._acts.append((part, act))
        if not act.entries:
            return act
        return replace(act, evidence=(*act.evidence, f"{act.entries:,} entries go"))


def of_part(part: Part, why: Unsafe) -> Unsafe:
    """Return ``why``, which forbids a change of ``part``, with the name of its field."""
    return replace(why, why=f"{part.wish.name}: {why.why}")
