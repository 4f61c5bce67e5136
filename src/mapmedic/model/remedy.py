"""A change to a target, from the plan that changes nothing to the proof that it worked."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.acted import Acted
from mapmedic.model.backup import Backup
from mapmedic.model.call import CallDone, CallPlan
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.health import UrlHealth
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.saved_entries import FieldSaved, SavedDifference, SavedEntries
from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold before anything is touched."""

    name: str
    holds: bool
    why: str


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
    dropped for good, or none leaves the map. ``outside`` is what there is to say of a process without an agent, which
    holds nothing: ``hold_seconds`` is 0 there. ``call``: it is no map that is meant, but a function to be called.
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
    outside: OutsidePlan | None = None
    call: CallPlan | None = None

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

    ``pause_ns`` is the longest hold of the map's lock, or, of a process without an agent, the longest stop in which
    something was written; ``timeline`` covers the fix and the seconds after it. ``dropped_at`` is the moment right
    before the entries were let go: until then they were only held. ``acted`` is how a process without an agent was
    changed, ``saved`` and ``difference`` where its entries are, ``ended_collections`` how many of those that were
    forced there came to an end. ``call`` is what became of a function that was called.
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
    acted: Acted | None = None
    saved: SavedEntries | None = None
    fields: tuple[FieldSaved, ...] = ()
    difference: SavedDifference | None = None
    ended_collections: int | None = None
    call: CallDone | None = None
