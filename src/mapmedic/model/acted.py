"""What became of changing a process from outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mapmedic.model.safe_moment import Unsafe


@dataclass(frozen=True, slots=True)
class Try:
    """One look that found it not safe: when, in ms from the first, how long it stood still for it, and why not.

    ``pause_ms`` is 0 where that could be seen while it ran.
    """

    at_ms: float
    pause_ms: float
    hindrance: Unsafe


@dataclass(frozen=True, slots=True)
class Stage:
    """One stop that was safe: how many entries went, when, and for how long it stood still for that.

    ``evidence`` is what made it safe, a sentence each. ``is_last``: nothing was left to do after it. ``writes`` is 0
    where there was nothing to write; ``left`` says how many entries were to go and stayed, by the reason.
    """

    entries: int
    at_ms: float
    pause_ms: float
    evidence: tuple[str, ...]
    is_last: bool
    writes: int = 1
    left: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an act, in the stops ``stages``. ``tries`` are the looks that found it not safe.

    ``whole`` is False where no further safe moment was found before all was done.
    """

    stages: tuple[Stage, ...]
    tries: tuple[Try, ...]
    whole: bool = True

    @property
    def entries(self) -> int:
        """Return how many entries went."""
        return sum(each.entries for each in self.stages)

    @property
    def pause_ms(self) -> float:
        """Return how long it stood still in the longest of the stops in which something was changed."""
        return max(each.pause_ms for each in self.stages)

    @property
    def wrote(self) -> bool:
        """Tell whether anything was written; there may have been nothing left to write."""
        return any(each.writes for each in self.stages)

    @property
    def left(self) -> tuple[tuple[str, int], ...]:
        """Return how many entries were to go and stayed, by the reason, the most frequent first."""
        counts: Counter[str] = Counter()
        for each in self.stages:
            counts.update(dict(each.left))
        return tuple(counts.most_common())

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return what made the last stop safe."""
        return self.stages[-1].evidence


def count_hindrances(tries: tuple[Try, ...]) -> tuple[str, ...]:
    """Return "locked, 12 times: <the last sentence on it>" for each hindrance of ``tries``, the most frequent first."""
    counts = Counter(each.hindrance.hindrance.value for each in tries)
    last = {each.hindrance.hindrance.value: each.hindrance.why for each in tries}
    return tuple(f"{name}, {count:,} times: {last[name]}" for name, count in counts.most_common())
