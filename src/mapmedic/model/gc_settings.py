"""What steers the garbage collector of a running program."""

from __future__ import annotations

from dataclasses import dataclass

# math.MaxInt64: what memoryLimit says where there is no GOMEMLIMIT.
NO_MEMORY_LIMIT = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One signed number of the runtime's: where it is, how many bytes it has, what it says."""

    address: int
    width_bytes: int
    value: int


@dataclass(frozen=True, slots=True)
class GcSettings:
    """The settings that were found; None for one that was not found beyond doubt.

    ``percent`` is GOGC (-1: off), ``memory_limit`` GOMEMLIMIT in bytes, ``heap_minimum`` the least heap goal in bytes
    (goes with GOGC), ``force_period`` the time in ns without a collection after which one is forced, ``trace``
    GODEBUG=gctrace.
    """

    percent: Setting | None
    memory_limit: Setting | None
    heap_minimum: Setting | None
    force_period: Setting | None
    trace: Setting | None
