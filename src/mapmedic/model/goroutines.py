"""A goroutine dump, grouped: a million goroutines at one place are one group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GoroutineFrame:
    """Name one frame; ``line`` is 0 where the dump gives none."""

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class GoroutineGroup:
    """Hold the goroutines that stand at the same frames in the same state and came from the same place.

    ``state`` is Go's word without the waiting time (``chan receive``). Waiting is in whole minutes, 0 for
    less than one. ``frames`` are innermost first; ``elided`` says that Go left frames out. ``sample_ids``
    are the first 16 goroutine ids, ``locked_to_thread`` counts those that are.
    """

    count: int
    state: str
    wait_minutes_min: int
    wait_minutes_max: int
    frames: tuple[GoroutineFrame, ...]
    created_by: GoroutineFrame | None
    sample_ids: tuple[int, ...]
    locked_to_thread: int
    elided: bool


@dataclass(frozen=True, slots=True)
class GoroutineDump:
    """Hold the groups, largest first, and how many goroutines they add up to.

    ``truncated`` is True when the dump was cut: ``total`` is then a lower bound. Go itself cuts at 64 MiB.
    """

    groups: tuple[GoroutineGroup, ...]
    total: int
    truncated: bool
