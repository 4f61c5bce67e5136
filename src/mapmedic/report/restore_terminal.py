"""What a backup holds and what its restore would do, or did, on a terminal."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.model.units import NANOSECONDS_PER_SECOND
from mapmedic.report.figures import count_text, duration_text, entries_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outcome_words import backup_text
from mapmedic.report.terminal_parts import command, conditions_list, pairs, paragraph


def print_restore_plan(console: Console, plan: RestorePlan, offer: bool = True) -> None:
    """Print what is in the file, what would happen to the map, what must hold; then the command that does it."""
    header = plan.backup.header
    entries, name = count_text(plan.backup.end.entries), inert(plan.map, SHOWN_LIMIT)
    paragraph(
        console, Text(f"Plan: put {entries} entries back into {name}. Nothing has been changed.", "bold")
    )
    now = "not counted" if plan.entries_now is None else f"{entries_text(plan.entries_now)}"
    pairs(
        console,
        [
            ("Backup", plan.backup.path),
            ("Holds", backup_text(plan.backup)),
            ("Of", inert(f"{header.map} ({header.type}), taken out by {header.strategy}", WHOLE_LIMIT)),
            ("Taken", inert(f"{_moment(header.taken_at)} by {header.by}", WHOLE_LIMIT)),
            ("Map now", now),
            *[("Note", inert(note, WHOLE_LIMIT)) for note in plan.notes],
        ],
    )
    conditions_list(console, plan.conditions)
    if not plan.ready:
        paragraph(
            console, Text("Not ready: nothing will be put back until every condition holds.", "bold yellow")
        )
    elif offer:
        words = ["mapmedic", "restore", plan.target, plan.backup.path, "--map", plan.map, "--apply"]
        command(console, " ".join(map(shlex.quote, words)))


def print_restored(console: Console, done: Restored) -> None:
    """Print what came back, what was newer, and what it cost the target."""
    name = inert(done.plan.map, SHOWN_LIMIT)
    kept = (
        f" {count_text(done.kept_newer)} were there already and kept their value." if done.kept_newer else ""
    )
    text = (
        f"Put back while the service ran: {entries_text(done.restored)} into {name}; "
        f"its lock was held {duration_text(done.pause_ns)} at most.{kept}"
    )
    paragraph(console, Text(text, "bold green"))
    now = "not counted" if done.entries_after is None else f"{entries_text(done.entries_after)}"
    pairs(console, [("Map now", now), ("Journal", done.journal_path)])


def _moment(nanoseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return "at a time that is none"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
