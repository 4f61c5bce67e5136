"""goroutine_leak: goroutines that are started and never end.

What it measures: the number of goroutines at each capture, and which stack the new ones stand at: one
site, blocked, whose count never fell.
Why it is bad: each keeps its stack (2 KiB at least) and everything its frames refer to, for ever.
Mend it: give every goroutine a way out: a context it selects on, a closed channel, a deadline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.standing import in_words
from mapmedic.model.findings import Evidence, Fix, Reason, Site, Suspect, Verdict
from mapmedic.model.frames import is_standard_library
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup
from mapmedic.model.units import NANOSECONDS_PER_SECOND

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "Give each of these goroutines a way out: select on ctx.Done() beside the blocking operation, close "
        "the channel when its sender is done, or set a deadline. They cannot be ended from outside."
    ),
)
_DUMPS = "goroutine?debug=2"
_COUNTS = "goroutine?debug=1"
_INSIDE = "list of goroutines in the process"


@dataclass(frozen=True, slots=True)
class _Rise:
    """How the number of goroutines changed: at each capture, in all."""

    counts: tuple[int, ...]
    seconds: float

    @property
    def total(self) -> int:
        return self.counts[-1] - self.counts[0]


@dataclass(frozen=True, slots=True)
class _Place:
    """The stack at which most of the new goroutines stand: how many at each capture.

    ``waiting`` are those of a dump with states, waiting times and creators; empty where there was none.
    """

    group: GoroutineGroup
    counts: tuple[int, ...]
    waiting: tuple[GoroutineGroup, ...]

    @property
    def state(self) -> str | None:
        """Return what most of them wait for."""
        return max(self.waiting, key=lambda each: each.count).state if self.waiting else None

    @property
    def creator(self) -> GoroutineFrame | None:
        """Return the go statement that most of them come from."""
        born: Counter[GoroutineFrame] = Counter()
        for each in (*self.waiting, self.group):
            if each.created_by is not None:
                born[each.created_by] += each.count
        return born.most_common(1)[0][0] if born else None

    @property
    def gained(self) -> int:
        return self.counts[-1] - self.counts[0]


def find_goroutine_leaks(case: Case) -> list[Suspect]:
    """Return the place at which goroutines pile up, if there is one."""
    dumps, source = _dumps(case)
    if len(dumps) < 2:
        return []
    rise = _Rise(
        tuple(dump.total for _, dump in dumps), (dumps[-1][0] - dumps[0][0]) / NANOSECONDS_PER_SECOND
    )
    if rise.total < case.thresholds.goroutines:
        return []
    place = _busiest_place([dump for _, dump in dumps], case.observation.captures[-1].goroutines)
    if place is None or place.gained < case.thresholds.goroutine_share * rise.total:
        return []
    return [_suspect(case, rise, place, source)]


def _dumps(case: Case) -> tuple[list[tuple[int, GoroutineDump]], str]:
    """Return when goroutines were counted and the counts, and who counted: the service, else we from outside."""
    captures = case.observation.captures
    asked = [(c.at, c.goroutine_counts) for c in captures if c.goroutine_counts is not None]
    if len(asked) >= 2:
        return [(int(at), dump) for at, dump in asked], _COUNTS
    looked = [
        (c.inventory.snapshot.taken_at_unix_ns or c.at, c.inventory.goroutines)
        for c in captures
        if c.inventory
    ]
    return [(int(at), dump) for at, dump in looked if dump is not None], _INSIDE


def _busiest_place(dumps: Sequence[GoroutineDump], states: GoroutineDump | None) -> _Place | None:
    counts = [_by_stack(dump) for dump in dumps]
    stack = max(counts[-1], key=lambda each: counts[-1][each] - counts[0][each], default=None)
    if stack is None:
        return None
    group = next(g for g in dumps[-1].groups if g.frames == stack)
    return _Place(group, tuple(count[stack] for count in counts), _waiting(group, states))


def _by_stack(dump: GoroutineDump) -> Counter[tuple[GoroutineFrame, ...]]:
    counts: Counter[tuple[GoroutineFrame, ...]] = Counter()
    for group in dump.groups:
        counts[group.frames] += group.count
    return counts


def _waiting(group: GoroutineGroup, states: GoroutineDump | None) -> tuple[GoroutineGroup, ...]:
    """Return those at the place of ``group`` in a full dump."""
    here = _program_frame(group)
    return tuple(each for each in states.groups if _program_frame(each) == here) if states else ()


def _program_frame(group: GoroutineGroup) -> GoroutineFrame | None:
    """Return the innermost frame that is the program's own: where somebody can change something."""
    own = (frame for frame in group.frames if not is_standard_library(frame.function))
    return next(own, group.frames[0] if group.frames else None)


def _never_fell(counts: Sequence[int]) -> bool:
    return all(later >= earlier for earlier, later in pairwise(counts))


def _levels_off(counts: Sequence[int]) -> bool:
    """Tell whether the second half of the captures brought less than a tenth of the gain."""
    return counts[-1] - counts[len(counts) // 2] < 0.1 * (counts[-1] - counts[0])


def _reasons(rise: _Rise, place: _Place) -> tuple[Reason, ...]:
    share = min(1.0, place.gained / rise.total)
    waiting = f", {place.state}" if place.state else ""
    reasons = [
        Reason(f"{rise.total:,} more goroutines after {rise.seconds:.0f} s", 0.5),
        Reason(f"{share:.0%} of the new ones stand at the same place{waiting}", 0.6 * share),
    ]
    if len(place.counts) > 2:
        fell = not _never_fell(place.counts)
        reasons.append(
            Reason("their number there fell in between", -0.3)
            if fell
            else Reason(f"their number there never fell over {len(place.counts)} captures", 0.5)
        )
        if _levels_off(place.counts):
            reasons.append(Reason("it no longer rises: a pool that filled up looks like this", -0.6))
    if all(is_standard_library(frame.function) for frame in place.group.frames):
        # One goroutine for each connection: more clients look like this, and so do clients that never hang up.
        reasons.append(Reason("none of the program's own functions stands there: connections wait so", -0.6))
    return tuple(reasons)


def _suspect(case: Case, rise: _Rise, place: _Place, source: str) -> Suspect:
    stacks = _stack_bytes(case)
    reasons = _reasons(rise, place)
    frame = _program_frame(place.group)
    return Suspect(
        code=Verdict.GOROUTINE_LEAK,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=int(stacks[-1] * place.counts[-1] / max(1, rise.counts[-1])) if stacks else 0,
        site=Site(frame.function, frame.file, frame.line) if frame else None,
        entries=place.counts[-1],
        growth_bytes_per_second=(stacks[-1] - stacks[0]) / rise.seconds
        if len(stacks) > 1 and rise.seconds
        else None,
        evidence=_evidence(case, rise, place, source),
        stack=tuple(frame.function for frame in reversed(place.group.frames)),
        fix=FIX,
    )


def _stack_bytes(case: Case) -> list[int]:
    """Return what the stacks took at each capture, by the runtime's own counters, else by our count."""
    captures = case.observation.captures
    told = [c.memstats.stack_inuse_bytes for c in captures if c.memstats is not None]
    seen = [c.inventory.stack_bytes for c in captures if c.inventory and c.inventory.stack_bytes is not None]
    return told or seen


def _evidence(case: Case, rise: _Rise, place: _Place, source: str) -> tuple[Evidence, ...]:
    bars = case.thresholds
    gained = f"goroutines gained in {rise.seconds:.1f} s"
    evidence = [
        Evidence(gained, rise.total, bars.goroutines, source, "goroutines"),
        Evidence("goroutines at each capture", " -> ".join(f"{n:,}" for n in rise.counts), None, source),
        Evidence(
            "part of the gain at one place", place.gained / rise.total, bars.goroutine_share, source, "share"
        ),
    ]
    if place.waiting:
        evidence.append(Evidence("what they wait for", in_words(place.waiting), None, _DUMPS))
    if (born := place.creator) is not None:
        where = f"{born.function} at {born.file}:{born.line}" if born.line else born.function
        evidence.append(Evidence("where they were started", where, None, _DUMPS))
    return tuple(evidence)
