"""What steers a collector, what would be set of it, and what was: on a terminal and as JSON."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any

from rich.console import Console
from rich.text import Text

from mapmedic.model.gc_words import NO_MEMORY_LIMIT, GcWord, GcWords
from mapmedic.model.tuning import SettingChange, TuneOutcome, TunePlan
from mapmedic.report.figures import bytes_text, count_text, duration_text
from mapmedic.report.inert import WHOLE_LIMIT, inert
from mapmedic.report.terminal_parts import bullets, command, conditions_list, heading, pairs, paragraph

_OFF = -1
_UNKNOWN = "not found"
_NOT_RESTORED = (
    "The time after which the runtime forces a collection could not be put back: it collects ten times a second until "
    "that is done."
)
_UNDO = "mapmedic tune PID --revert JOURNAL; a restart of the program forgets it too"
# The word of the command line that sets it.
_OPTIONS = {"GOGC": "--gogc", "GOMEMLIMIT": "--memory-limit", "gctrace": "--gctrace"}


def print_settings(console: Console, plan: TunePlan) -> None:
    """Print what the collector of a process says now."""
    paragraph(
        console, Text(f"The collector of process {plan.pid} ({inert(plan.program, WHOLE_LIMIT)})", "bold")
    )
    _print_words(console, plan.words)


def print_tune_plan(console: Console, plan: TunePlan, offer: bool = True) -> None:
    """Print what would be set, when each part takes effect, what must hold; then the command that does it."""
    print_settings(console, plan)
    heading(console, "Plan. Nothing has been changed")
    bullets(
        console,
        [
            f"{each.name}: {value_text(each.name, each.before)} -> {value_text(each.name, each.after)}; "
            f"{each.takes_effect}"
            for each in plan.changes
        ]
        + ([_collect_text(plan.collections)] if plan.collections else []),
        len(_OPTIONS) + 1,
    )
    conditions_list(console, plan.conditions)
    pairs(
        console,
        [
            ("Stop", "all threads, for the time of one small write; less than a millisecond is usual"),
            *([("Undo", _UNDO)] if plan.changes else []),
            *[("Note", inert(note, WHOLE_LIMIT)) for note in plan.notes],
        ],
    )
    if not plan.ready:
        paragraph(console, Text("Not ready: nothing will be set until every condition holds.", "bold yellow"))
    elif offer:
        command(console, _apply_command(plan))


def print_tuned(console: Console, done: TuneOutcome) -> None:
    """Print what was set, for how long the process stood still, and what its collector says now."""
    if done.plan.changes:
        names = ", ".join(each.name for each in done.plan.changes)
        text = f"Set while the program ran: {names}. It stood still for {duration_text(done.pause_ns)}."
        paragraph(console, Text(text, "bold green"))
    if done.collections is not None:
        all_of_them = done.collections.ended >= done.collections.wanted
        paragraph(console, Text(_collected_text(done), "bold green" if all_of_them else "bold yellow"))
    _print_words(console, done.words)
    pairs(console, [("Journal", inert(done.journal_path, WHOLE_LIMIT))])
    if done.collections is not None and not done.collections.restored:
        paragraph(console, Text(_NOT_RESTORED, "bold red"))
        folder = os.path.dirname(done.journal_path)  # noqa: PTH120 - a text, and it stays one
        command(console, f"mapmedic doctor --repair --journal {shlex.quote(folder)}")
    elif done.plan.changes:
        command(console, f"mapmedic tune {done.plan.pid} --revert {shlex.quote(done.journal_path)}")


def _collect_text(wanted: int) -> str:
    return (
        f"force {count_text(wanted)} collections: the time after which the runtime forces one is made a tenth of a "
        "second, and put back"
    )


def _collected_text(done: TuneOutcome) -> str:
    forced = done.collections
    if forced is None:
        return ""
    before, after = bytes_text(done.plan.resident_bytes), bytes_text(done.resident_bytes)
    return (
        f"{count_text(forced.ended)} of {count_text(forced.wanted)} collections ended in "
        f"{duration_text(forced.seconds * 1e9)}; RSS went from {before} to {after}."
    )


def value_text(name: str, value: int) -> str:
    """Return ``value`` of the setting ``name`` in the words in which it is set."""
    if name == "GOMEMLIMIT":
        return "none" if value == NO_MEMORY_LIMIT else bytes_text(value)
    if name == "gctrace":
        return "on" if value == 1 else "off" if value == 0 else str(value)
    return "off" if value == _OFF else str(value)


def _print_words(console: Console, words: GcWords) -> None:
    known = (("GOGC", words.percent), ("GOMEMLIMIT", words.memory_limit), ("gctrace", words.trace))
    ended = words.finished_at
    last = "" if ended is None or not ended.value else f"; the last ended {_ago(ended)} ago"
    cycles = _UNKNOWN if words.cycles is None else f"{count_text(words.cycles.value)} begun{last}"
    settings = [(name, _UNKNOWN if word is None else value_text(name, word.value)) for name, word in known]
    pairs(console, [*settings, ("Collections", cycles)])


def _ago(ended: GcWord) -> str:
    return duration_text(max(0, time.monotonic_ns() - ended.value))


def _apply_command(plan: TunePlan) -> str:
    words = ["mapmedic", "tune", str(plan.pid)]
    for change in plan.changes:
        words += [_OPTIONS[change.name], _argument(change)]
    words += ["--collect", str(plan.collections)] if plan.collections else []
    return " ".join(map(shlex.quote, [*words, "--apply"]))


def _argument(change: SettingChange) -> str:
    text = value_text(change.name, change.after)
    if change.name != "GOMEMLIMIT":
        return text
    return "off" if change.after == NO_MEMORY_LIMIT else f"{change.after}B"


def tune_json(plan: TunePlan, done: TuneOutcome | None = None) -> dict[str, Any]:
    """Return ``mapmedic.tune/1``: what is set, what would be; with ``done`` what was."""
    return {
        "schema": "mapmedic.tune/1",
        "target": {"pid": plan.pid, "exe": plan.program},
        "settings": _words_json(done.words if done else plan.words),
        "changes": [_change_json(each) for each in plan.changes],
        "conditions": [{"name": c.name, "holds": c.holds, "why": c.why} for c in plan.conditions],
        "ready": plan.ready,
        "notes": list(plan.notes),
        "applied": done is not None,
        "pause_ms": round(done.pause_ns / 1e6, 3) if done else None,
        "journal_path": done.journal_path if done else None,
        "rss_bytes": done.resident_bytes if done else plan.resident_bytes,
        "collect": _collect_json(plan, done),
    }


def _collect_json(plan: TunePlan, done: TuneOutcome | None) -> dict[str, Any] | None:
    if not plan.collections:
        return None
    forced = done.collections if done else None
    return {
        "wanted": plan.collections,
        "ended": forced.ended if forced else None,
        "seconds": round(forced.seconds, 3) if forced else None,
        "restored": forced.restored if forced else None,
    }


def _words_json(words: GcWords) -> dict[str, Any]:
    def value(word: GcWord | None) -> int | None:
        return None if word is None else word.value

    limit = value(words.memory_limit)
    return {
        "gogc": value(words.percent),
        "memory_limit_bytes": None if limit == NO_MEMORY_LIMIT else limit,
        "memory_limit_found": limit is not None,
        "gctrace": value(words.trace),
        "collections_begun": value(words.cycles),
    }


def _change_json(change: SettingChange) -> dict[str, Any]:
    return {
        "setting": change.name,
        "before": change.before,
        "after": change.after,
        "takes_effect": change.takes_effect,
    }
