"""What became of emptying a map from outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mapmedic.model.safe_moment import Unsafe


@dataclass(frozen=True, slots=True)
class Try:
    """One stop in which it was not safe: when, in ms from the first, how long it lasted, and why not."""

    at_ms: float
    pause_ms: float
    hindrance: Unsafe


@dataclass(frozen=True, slots=True)
class Emptied:
    """A map was emptied: how many entries went, how long its process stood still for that, and what made it safe.

    ``tries`` are the stops before, in which it was not.
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
