"""Entries of a backup on their way back into a map."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.backup import Backup
from mapmedic.model.remedy import Condition


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What would be put back where; making one changes nothing. ``entries_now`` are in the map already."""

    target: str
    map: str
    backup: Backup
    entries_now: int | None
    conditions: tuple[Condition, ...]
    notes: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Tell whether every condition holds."""
        return all(condition.holds for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: entries put back, and entries whose key was there already and kept its newer value.

    ``pause_ns`` is the longest hold of the map's lock.
    """

    plan: RestorePlan
    restored: int
    kept_newer: int
    pause_ns: int
    entries_after: int | None
    journal_path: str
