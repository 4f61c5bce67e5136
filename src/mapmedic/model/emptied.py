"""What became of emptying a map from outside."""

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
class Emptied:
    """A map was emptied: how many entries went, how long its process stood still for that, and what made it safe.

    ``tries`` are the looks before, which found it not safe.
    """

    entries: int
    pause_ms: float
    evidence: tuple[str, ...]
    tries: tuple[Try, ...]


def count_hindrances(tries: tuple[Try, ...]) -> tuple[str, ...]:
    """Return "locked, 12 times: <the last sentence on it>" for each hindrance of ``tries``, the most frequent first."""
    counts = Counter(each.hindrance.hindrance.value for each in tries)
    last = {each.hindrance.hindrance.value: each.hindrance.why for each in tries}
    return tuple(f"{name}, {count:,} times: {last[name]}" for name, count in counts.most_common())
