"""Take chosen entries out of a map, a batch in each stop, by the stores that the runtime's own delete makes."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np

from mapmedic.goheap.eviction import Batch, evict_batch
from mapmedic.goheap.eviction_plan import Chosen, EvictionPlan
from mapmedic.goheap.stack_watch import Standing
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.remedy.outside.way import Act

# What preparing, saving and making the writes of one stop may take, of a budget of some 20 ms: looking at all stacks
# comes before it.
_GOAL_SECONDS = 0.006
_LEAST, _FIRST, _MOST = 64, 256, 8192
_NOBODY = np.empty(0, dtype="<u8")


class Eviction:
    """The entries of ``plan`` go. ``went`` are those that did, ``left`` how many did not, by the reason."""

    is_one_write = False

    def __init__(self, plan: EvictionPlan) -> None:
        self.plan = plan
        self.went: list[Chosen] = []
        self.left: Counter[str] = Counter()
        self._next, self._size = 0, _FIRST
        self._last: Batch | None = None
        self._began_seconds = 0.0

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return what takes the next of them out, as many as fit into a stop."""
        if self._last is not None:  # it was not written: there were too many for the time
            self._size = max(_LEAST, self._size // 2)
        self._began_seconds = time.perf_counter()
        rows = self.plan.chosen[self._next : self._next + self._size]
        held = _NOBODY if moment.held is None else moment.held
        batch = evict_batch(standing.read, self.plan, moment.header, rows, held)
        if isinstance(batch, Unsafe):
            return batch
        self._last = batch
        said = [
            f"{len(batch.gone):,} of {len(rows):,} chosen entries are what they were, and nobody stands on them"
        ]
        said += [f"{count:,} stay: {why}" for why, count in batch.left]
        is_last = self._next + len(rows) >= len(self.plan.chosen)
        return Act(batch.changes, len(batch.gone), tuple(said), is_last, batch.left, batch.was)

    @property
    def gone(self) -> int:
        """Return how many went."""
        return len(self.went)

    def done(self, _act: Act) -> None:
        """Go on behind what was taken out, with more or fewer, by how long that took."""
        if self._last is None:
            return
        self.went += self._last.gone
        self.left.update(dict(self._last.left))
        self._next += len(self._last.gone) + sum(count for _, count in self._last.left)
        self._last = None
        took_seconds = time.perf_counter() - self._began_seconds
        if took_seconds > _GOAL_SECONDS:
            self._size = max(_LEAST, self._size // 2)
        elif took_seconds < _GOAL_SECONDS / 2:
            self._size = min(_MOST, self._size * 2)
