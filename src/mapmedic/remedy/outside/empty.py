"""Empty one map of a running process: wait for a moment that is safe, write its header, look at what was written."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace

from mapmedic.errors import NoSafeMoment, ProcessUnreadable, WriteRefused
from mapmedic.goheap.header_reset import plan_reset
from mapmedic.goheap.safe_moment import MapWatch, glance, judge
from mapmedic.memory.access import require_readable
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.stop import Stop, stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.emptied import Emptied, Try, count_hindrances
from mapmedic.model.safe_moment import Hindrance, Unsafe

_NS_PER_MS = 1_000_000
_MOST_STEPS = 64


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stop may last, how long to go on trying, and how long to wait between two tries, in ms."""

    budget_ms: float = 20.0
    limit_ms: float = 10_000.0
    least_wait_ms: float = 1.0
    most_wait_ms: float = 20.0
    random: random.Random = field(default_factory=random.Random)

    def wait_ms(self, stops: int) -> float:
        """Return how long to wait after ``stops`` stops: longer after each, and never in step with the target."""
        ceiling = self.least_wait_ms * 1.5 ** min(stops + 1, _MOST_STEPS)
        return self.random.uniform(
            self.least_wait_ms, max(self.least_wait_ms, min(self.most_wait_ms, ceiling))
        )


def empty_map(pid: int, watch: MapWatch, patience: Patience | None = None) -> Emptied:
    """Empty the map that ``watch`` is of, in process ``pid``, at the first safe moment.

    NoSafeMoment where there was none within the limit, or there can be none; ProcessUnreadable where the process
    cannot be stopped. The map is untouched each time.
    """
    patience = patience or Patience()
    facts, began_ns = require_readable(pid), time.monotonic_ns()
    tries: list[Try] = []
    stops = 0
    while True:
        at_ms = (time.monotonic_ns() - began_ns) / _NS_PER_MS
        done = _look_once(pid, facts, watch, patience.budget_ms, at_ms)
        if isinstance(done, Emptied):
            return replace(done, tries=tuple(tries))
        tries.append(done)
        stops += done.pause_ms > 0
        # A glance costs the target nothing: the next may come soon.
        wait_ms = patience.wait_ms(stops if done.pause_ms else 0)
        if not done.hindrance.hindrance.may_pass or at_ms + wait_ms > patience.limit_ms:
            raise NoSafeMoment(pid, watch.address, len(tries), count_hindrances(tuple(tries)))
        time.sleep(wait_ms / 1000)


def _look_once(
    pid: int, facts: ProcessFacts, watch: MapWatch, budget_ms: float, at_ms: float
) -> Emptied | Try:
    seen = glance(ProcessAgain(pid, budget_ms).read, watch)
    if seen is not None:
        return Try(at_ms, 0.0, seen)
    try:
        with stop(pid, facts, budget_ms) as held:
            done = _try(held, watch)
    except ProcessUnreadable as error:
        if error.cause != "too_slow":
            raise
        return Try(at_ms, budget_ms, Unsafe(Hindrance.TOO_SLOW, error.why))
    pause_ms = held.pause_ns / _NS_PER_MS
    return Try(at_ms, pause_ms, done) if isinstance(done, Unsafe) else Emptied(done[0], pause_ms, done[1], ())


def _try(held: Stop, watch: MapWatch) -> tuple[int, tuple[str, ...]] | Unsafe:
    """Return (entries that went, what made it safe); Unsafe, with nothing written, where it is not."""
    moment = judge(held, watch)
    if isinstance(moment, Unsafe):
        return moment
    changes = plan_reset(watch.shape, watch.address, moment.header)
    if isinstance(changes, Unsafe):
        return changes
    if not changes:
        return 0, (*moment.evidence, "it is empty and has no table: there was nothing to write")
    try:
        write_changes(held, changes)
    except WriteRefused as error:
        return Unsafe(Hindrance.TOO_SLOW, error.why)
    return watch.shape.entries(moment.header), (*moment.evidence, _reread(held, watch, moment.header))


def _reread(held: Stop, watch: MapWatch, before: bytes) -> str:
    if held.read([(watch.address, watch.shape.size_bytes)]) == [watch.shape.emptied(before)]:
        return "the header was read again in the same stop: it is that of an empty map"
    return "what was written could not be read again before the process was let go"
