"""A change to what steers the garbage collector of a running program, from the plan to what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.gc_words import GcWords
from mapmedic.model.remedy import Condition


@dataclass(frozen=True, slots=True)
class WordWrite:
    """One number of the runtime's that is written: signed, of ``width_bytes``, little-endian."""

    address: int
    width_bytes: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting by its name outside (GOGC, GOMEMLIMIT, gctrace); ``takes_effect`` says when each part does."""

    name: str
    before: int
    after: int
    takes_effect: str
    writes: tuple[WordWrite, ...]


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """What the operator asked for; None leaves a setting as it is.

    ``percent`` is GOGC (-1: off), ``memory_limit`` GOMEMLIMIT in bytes (NO_MEMORY_LIMIT: none), ``trace`` the level
    of gctrace, ``collections`` how many collections are to be forced.
    """

    percent: int | None = None
    memory_limit: int | None = None
    trace: int | None = None
    collections: int = 0

    @property
    def asks_for_change(self) -> bool:
        """Tell whether anything is to be set."""
        settings = (self.percent, self.memory_limit, self.trace)
        return bool(self.collections) or any(each is not None for each in settings)


@dataclass(frozen=True, slots=True)
class Collections:
    """How many collections ended while they were forced, and in which time; ``wanted`` is how many were asked for.

    ``restored``: the time after which the runtime forces one is what it was.
    """

    wanted: int
    ended: int
    seconds: float
    restored: bool = True


@dataclass(frozen=True, slots=True)
class TunePlan:
    """What would be set in process ``pid``; making one changes nothing.

    ``started_ticks`` (since boot) and ``program`` tell whether it is still the same process. ``words`` is what the
    runtime says now, ``resident_bytes`` its RSS.
    """

    pid: int
    program: str
    started_ticks: int
    words: GcWords
    resident_bytes: int
    changes: tuple[SettingChange, ...]
    conditions: tuple[Condition, ...]
    notes: tuple[str, ...]
    collections: int = 0

    @property
    def ready(self) -> bool:
        """Tell whether every condition holds."""
        return all(condition.holds for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class TuneOutcome:
    """What was set, for how long the process stood still for it, and what the runtime says afterwards."""

    plan: TunePlan
    pause_ns: int
    journal_path: str
    words: GcWords
    resident_bytes: int
    collections: Collections | None = None
