"""The entries of several maps, saved each in a file of its own, as those of one map are."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.memory.stop import Stop
from mapmedic.model.acted import Stage
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.model.saved_entries import FieldSaved, SavedDifference, SavedEntries
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.outside.entries_backup import EntriesBackup
from mapmedic.remedy.outside.way import Act


class FieldBackups:
    """The backups of the fields by name, one behind the other; ``fields`` is what became of each."""

    def __init__(self, backups: Sequence[tuple[str, EntriesBackup]]) -> None:
        self._backups = tuple(backups)
        self._look = backups[0][1].look
        for _, each in backups:
            each.look = (
                self._look
            )  # they all are of one moment: one copy of the process is made at it, not one each
        self._saved: dict[str, SavedEntries] = {}
        self._differences: dict[str, SavedDifference] = {}

    def save(self, journal: Journal) -> None:
        """Save all of them; EntriesNotSaved where one cannot be."""
        for name, backup in self._backups:
            self._saved[name] = backup.save(journal, name)

    def let_go(self, journal: Journal) -> None:
        """Take away what was saved: none of the maps was changed."""
        for _, backup in self._backups:
            backup.let_go(journal)

    def remember(self, held: Stop, moment: Safe, act: Act) -> Unsafe | None:
        """Keep what is about to be written over; Unsafe where that took too long."""
        return self._backups[0][1].remember(held, moment, act)

    def written(self, stage: Stage) -> None:
        """Take note that what was remembered last has been written."""
        self._backups[0][1].written(stage)

    def save_difference(self, journal: Journal) -> None:
        """Save what came, changed or went until the write, for each of them."""
        for name, backup in self._backups:
            self._differences[name] = backup.save_difference(journal, name)

    @property
    def fields(self) -> tuple[FieldSaved, ...]:
        """Return what was saved of each."""
        return tuple(
            FieldSaved(name, self._saved[name], self._differences.get(name)) for name, _ in self._backups
        )
