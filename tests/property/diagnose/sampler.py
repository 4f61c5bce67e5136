"""Services whose allocations are really sampled, as the runtime does it: each object with 1-exp(-size/rate).

Objects of a place are made at a steady rate and live for a fixed time (for ever in a leak). The sampler
tosses its coin once, when an object is made; what it saw dies with the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapmedic.model.observation import Observation
from tests.unit.diagnose.builder import RATE, Heap, watched

FOREVER = 10**9


@dataclass(frozen=True)
class Place:
    """Allocations at one stack: ``size`` bytes, so many a second, each alive for ``lifetime`` seconds.

    ``at_start`` objects were there before and never die.
    """

    stack: str
    size: int
    per_second: float = 0.0
    lifetime: float = FOREVER
    at_start: int = 0

    def sampled(
        self, seconds: float, every: float, random: np.random.Generator
    ) -> tuple[list[int], list[int]]:
        """Return what the sampler shows at each capture: objects in use, and made."""
        chance = 1 - np.exp(-self.size / RATE)
        old = int(random.binomial(self.at_start, chance))
        # A service that has run for a while: what lives for a bounded time has reached its bound.
        past = min(self.lifetime, 10 * seconds) if self.lifetime < FOREVER else 0.0
        made_at = self._sampled_moments(-past, seconds, chance, random)
        moments = np.arange(0.0, seconds + every / 2, every)
        inuse = [int(((made_at <= t) & (made_at > t - self.lifetime)).sum()) + old for t in moments]
        return inuse, [int((made_at <= t).sum()) + old for t in moments]

    def _sampled_moments(
        self, begin: float, end: float, chance: float, random: np.random.Generator
    ) -> np.ndarray:
        count = round(self.per_second * (end - begin))
        seen = int(random.binomial(count, chance))
        # A sampled object is any of the evenly spaced ones.
        return (
            begin + random.choice(count, seen, replace=False) / max(self.per_second, 1e-9)
            if count
            else np.zeros(0)
        )


def watch(
    places: Sequence[Place], random: np.random.Generator, seconds: float = 30.0, every: float = 10.0
) -> Observation:
    """Return the captures of a service with these ``places``, a GC before each."""
    heaps = [Heap() for _ in range(round(seconds / every) + 1)]
    for place in places:
        for heap, inuse, made in zip(heaps, *place.sampled(seconds, every, random), strict=True):
            heap.sampled(place.stack, place.size, inuse, made)
    return watched(*heaps, every=every)
