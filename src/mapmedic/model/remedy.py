"""A change to a target, from the plan that changes nothing to the proof that it worked."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.backup import Backup
from mapmedic.model.health import UrlHealth
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold before anything is touched."""

    name: str
    holds: bool
    why: str


@dataclass(frozen=True, slots=True)
class EvictCondition:
    """Which entries go: what ``operator`` says of the key or value (``on``), or of its ``field``.

    ``seconds`` is the age of older_than.
    """

    on: str
    operator: str
    field: str | None = None
    value: str | int | None = None
    seconds: int | None = None

    @property
    def text(self) -> str:
        """Return the condition in the words of the command line."""
        subject = f"{self.on}.{self.field}" if self.field else self.on
        if self.operator == "expired":
            return f"{subject} expired"
        if self.operator == "older_than":
            return f"{subject} older_than {self.seconds}s"
        value = f'"{self.value}"' if self._needs_quotes else f"{self.value}"
        return f"{subject} {self.operator} {value}"

    @property
    def _needs_quotes(self) -> bool:
        """Tell whether the value, put bare, would be read as another one."""
        if not isinstance(self.value, str):
            return False
        in_quotes = len(self.value) >= 2 and self.value[0] == self.value[-1] == '"'
        return self.operator == "equals" or in_quotes or self.value != self.value.strip()


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """Where the entries go before they are dropped; without ``path`` a new file beside the journal in ``folder``.

    ``estimate_bytes`` is what it is reckoned to need, None where nobody knows; ``losses`` names what a file
    cannot hold of entries of these types. ``same_process``: only the process that wrote it can surely restore it.
    """

    folder: str
    path: str | None
    estimate_bytes: int | None
    free_bytes: int | None
    lossless: bool
    losses: tuple[str, ...]
    same_process: bool = False


@dataclass(frozen=True, slots=True)
class FixPlan:
    """What would be done to which map, step by step; making one changes nothing.

    ``where`` and ``matches`` (how many entries fit now) are an eviction's. ``max_lock_hold_ms`` bounds the
    strategies that copy a map in one hold; None leaves it to the agent. Without ``backup`` the entries are
    dropped for good, or none leaves the map.
    """

    target: str
    map: str
    kind: str
    type: str
    strategy: str
    entries: int | None
    steps: tuple[str, ...]
    conditions: tuple[Condition, ...]
    undo: str
    notes: tuple[str, ...]
    hold_seconds: int
    return_memory: bool
    where: tuple[EvictCondition, ...] = ()
    matches: int | None = None
    max_lock_hold_ms: int | None = None
    backup: BackupPlan | None = None

    @property
    def removes(self) -> float | None:
        """Return the share of the map's entries that leave it, None where nobody counted."""
        if self.strategy == "shrink":
            return 0.0
        if not self.where:
            return 1.0
        return self.matches / self.entries if self.matches is not None and self.entries else None

    @property
    def ready(self) -> bool:
        """Tell whether every condition holds."""
        return all(condition.holds for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Check:
    """One criterion of a proof with its figures; ``change`` is relative (-0.4 is 40 % less).

    A check that does not ``decide`` is not known, or only told: it has not passed, and fails nothing.
    """

    name: str
    before: float | None
    after: float | None
    change: float | None
    threshold: float | None
    passed: bool
    why: str
    unit: str = ""
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a fix worked, criterion by criterion, and what to do next where it did not."""

    passed: bool
    checks: tuple[Check, ...]
    next_steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, what it cost the target, and the proof.

    ``pause_ns`` is the longest hold of the map's lock; ``timeline`` covers the fix and the seconds after it.
    ``dropped_at`` is the moment right before the entries were let go: until then they were only held.
    """

    plan: FixPlan
    applied: bool
    operation: str | None
    pause_ns: int | None
    entries_removed: int | None
    journal_path: str | None
    before: MemoryPoint | None
    after: MemoryPoint | None
    proof: Proof | None
    timeline: tuple[MemoryPoint, ...] = ()
    backup: Backup | None = None
    health: tuple[UrlHealth, ...] = ()
    dropped_at: UnixNanoseconds | None = None
