"""Put the entries of a backup back into the map they came from; what is there by now stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mapmedic.capture.agent import API, AgentLink
from mapmedic.capture.backup_file import iter_pieces, read_backup
from mapmedic.errors import (
    AgentRefused,
    MapmedicError,
    PreflightFailed,
    RestoreIncomplete,
    TargetUnreachable,
    UnexpectedAnswer,
)
from mapmedic.model.backup import Backup, BackupHeader
from mapmedic.model.observation import RegisteredMap
from mapmedic.model.remedy import Condition
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.model.units import MIB
from mapmedic.remedy.apply import Progress
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.plan import choose_map, open_operations

# docs/reference/agent-api.yaml, restoreEntries: at most 64 MiB, 8 MiB is a good size.
_PIECE_BYTES = 8 * MIB


async def plan_restore(link: AgentLink, target: str, path: Path, name: str | None = None) -> RestorePlan:
    """Return what a restore of ``path`` would do, by default into the map it is of.

    CouldNotLook and FormatError where the file is no whole backup, UsageError and AmbiguousName for the name.
    """
    backup = read_backup(path)
    chosen = choose_map(name or backup.header.map, await link.maps())
    running = await link.call("GET", f"{API}/operations")
    return RestorePlan(
        target=target,
        map=chosen.name,
        backup=backup,
        entries_now=chosen.entries,
        conditions=_conditions(backup, chosen, open_operations(running)),
        notes=_notes(backup.header, target, chosen),
    )


def _conditions(backup: Backup, chosen: RegisteredMap, running: Sequence[str]) -> tuple[Condition, ...]:
    header = backup.header
    same = (header.kind, header.type) == (chosen.kind, chosen.type)
    lossless = header.lossless and not backup.end.lossy
    losses = "; ".join(header.losses) or "its trailer says that entries were cut"
    return (
        Condition("whole", backup.whole, f"{backup.end.entries:,} entries of {header.entries:,} taken out"),
        Condition(
            "lossless",
            lossless,
            "every entry can be made again" if lossless else losses,
        ),
        Condition(
            "type", same, chosen.type if same else f"the backup is of {header.type}, not {chosen.type}"
        ),
        Condition(
            "one operation at a time",
            not running,
            f"operation {running[0]} is under way" if running else "none is under way",
        ),
    )


def _notes(header: BackupHeader, target: str, chosen: RegisteredMap) -> tuple[str, ...]:
    notes = ["a key that is in the map now keeps its value: it is the newer one"]
    notes.append("a key that the service has deleted since then comes back")
    if header.target != target:
        notes.append(f"the backup was taken at {header.target}")
    if header.map != chosen.name:
        notes.append(f"the backup is of {header.map}")
    return tuple(notes)


async def apply_restore(link: AgentLink, plan: RestorePlan, journal: Journal, progress: Progress) -> Restored:
    """Put the entries back, piece by piece, and return what became of them.

    PreflightFailed with nothing touched where a condition does not hold; the first error itself where certainly
    nothing is back yet, else RestoreIncomplete. It can be repeated: what is back stays.
    """
    failed = tuple(f"{c.name}: {c.why}" for c in plan.conditions if not c.holds)
    journal.write("restoring", path=plan.backup.path, map=plan.map, entries=plan.backup.end.entries)
    if failed:
        note(journal, "refused", why="; ".join(failed))
        raise PreflightFailed(failed)
    tally = _Tally(plan, progress)
    try:
        pieces = iter_pieces(Path(plan.backup.path), _PIECE_BYTES, lossy=plan.backup.end.lossy)
        for entries, piece in pieces:
            tally.add(entries, await link.restore_entries(plan.map, piece))
    except BaseException as error:
        note(journal, "restore_incomplete", entries=tally.done, why=str(error) or type(error).__name__)
        if isinstance(error, MapmedicError) and (tally.done or _may_have_changed(error)):
            raise RestoreIncomplete(
                plan.backup.path, tally.done, plan.backup.end.entries, str(error)
            ) from error
        raise
    note(journal, "restored", restored=tally.restored, kept_newer=tally.kept_newer)
    return Restored(
        plan,
        tally.restored,
        tally.kept_newer,
        tally.pause_ns,
        await _entries_now(link, plan.map),
        str(journal.path),
    )


def _may_have_changed(error: MapmedicError) -> bool:
    """Tell whether a piece may be in the map though its answer was this error: lost on the way, or 5xx midway."""
    if isinstance(error, AgentRefused):
        return error.status >= 500
    return isinstance(error, TargetUnreachable | UnexpectedAnswer)


class _Tally:
    """What has come back so far."""

    def __init__(self, plan: RestorePlan, progress: Progress) -> None:
        self.done = self.restored = self.kept_newer = self.pause_ns = 0
        self._plan, self._progress = plan, progress

    def add(self, entries: int, answer: Mapping[str, Any]) -> None:
        restored, kept = (_whole(answer.get(name)) for name in ("restored", "kept_newer"))
        if restored + kept != entries:
            raise UnexpectedAnswer(
                self._plan.target, f"of {entries:,} entries it put back {restored + kept:,}"
            )
        self.done += entries
        self.restored += restored
        self.kept_newer += kept
        self.pause_ns = max(self.pause_ns, _whole(answer.get("lock_hold_ns")))
        self._progress("putting entries back", self.done / max(1, self._plan.backup.end.entries))


async def _entries_now(link: AgentLink, name: str) -> int | None:
    try:
        return next((each.entries for each in await link.maps() if each.name == name), None)
    except MapmedicError:
        return None  # the entries are back; only the count is missing


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
