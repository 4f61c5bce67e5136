"""What a journal tells, on a terminal and as JSON."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from mapmedic.model.journal import JournalStory, Reached
from mapmedic.report.figures import entries_text
from mapmedic.report.inert import WHOLE_LIMIT, inert
from mapmedic.report.terminal_parts import bullets, command, heading, pairs, paragraph

_COLOURS = {Reached.DONE: "bold green", Reached.UNTOUCHED: "bold green", Reached.RUNNING: "bold"}


def print_journal(console: Console, story: JournalStory) -> None:
    """Print what happened, how far it got, what nobody can tell from it, and what to do."""
    paragraph(console, Text(f"{story.what} of {inert(story.target, WHOLE_LIMIT)}", "bold"))
    for at, words in story.steps:
        paragraph(console, Text(inert(words, WHOLE_LIMIT)), indent=2, lead=Text(f"{_clock(at)}  "))
    words = f"{story.reached.value}: {inert(story.verdict, WHOLE_LIMIT)}"
    paragraph(console, Text(words, _COLOURS.get(story.reached, "bold yellow")))
    if story.cannot_tell:
        heading(console, "What it cannot tell")
        bullets(console, [inert(each, WHOLE_LIMIT) for each in story.cannot_tell], len(story.cannot_tell))
    files = [
        (_counted(each.entries), inert(each.path or f"{each.named} (gone)", WHOLE_LIMIT))
        for each in story.files
    ]
    pairs(console, [*files, *[("Next", inert(each, WHOLE_LIMIT)) for each in story.next]])
    saved = [each for each in story.files if each.path and each.entries is not None]
    if saved:  # of several maps each file is exported alone
        path = story.path if len(saved) == 1 else saved[0].path
        command(console, inert(shlex.join(["mapmedic", "journal", "export", str(path)]), WHOLE_LIMIT))


def journal_json(story: JournalStory) -> dict[str, Any]:
    """Return ``mapmedic.journal-story/1``."""
    steps = [{"at_unix_ns": at, "said": words} for at, words in story.steps]
    return {"schema": "mapmedic.journal-story/1", **asdict(story), "steps": steps}


def _counted(entries: int | None) -> str:
    return "In between" if entries is None else entries_text(entries)


def _clock(at_unix_ns: int) -> str:
    seconds = min(at_unix_ns, 253_402_300_799 * 10**9) / 1e9
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%H:%M:%S")
