"""The garbage collector's own words in a running program: what steers it, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

# math.MaxInt64: what memoryLimit says where there is no GOMEMLIMIT.
NO_MEMORY_LIMIT = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class GcWord:
    """One signed number of the runtime's: where it is, how many bytes it has, what it said when it was read."""

    address: int
    width_bytes: int
    value: int


@dataclass(frozen=True, slots=True)
class GcWords:
    """The words that were found; None for one that was not found beyond doubt.

    What steers: ``percent`` is GOGC (-1: off), ``memory_limit`` GOMEMLIMIT in bytes, ``heap_minimum`` the least heap
    goal in bytes (goes with GOGC), ``force_period`` the time in ns without a collection after which one is forced,
    ``trace`` GODEBUG=gctrace. Where it stands: ``phase`` (0: no collection marks), ``cycles``, the collections begun
    so far, ``finished_at``, when the last one ended, in ns of CLOCK_MONOTONIC, 0 for never.
    """

    percent: GcWord | None
    memory_limit: GcWord | None
    heap_minimum: GcWord | None
    force_period: GcWord | None
    trace: GcWord | None
    phase: GcWord | None
    cycles: GcWord | None
    finished_at: GcWord | None
