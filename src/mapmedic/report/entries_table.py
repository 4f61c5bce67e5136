"""What is in one map, on a terminal: sample entries, groups of keys, ages of values."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.entries import AgeBand, Ages, Contents, Entry, Grouping, MapEntries
from mapmedic.report.figures import bytes_text, count_text, duration_text, entries_text, percent_text
from mapmedic.report.go_values import value_text
from mapmedic.report.inert import SHOWN_LIMIT, inert
from mapmedic.report.terminal_parts import encodable, heading, paragraph

_KEY_LIMIT, _VALUE_LIMIT = 80, 400
_SECRETS = "These are contents of the service's memory: they may be secrets, or somebody's data (--redact)."


def print_entries(console: Console, entries: MapEntries, *, redacted: bool) -> None:
    """Print ``entries``; whoever sees contents is told so."""
    paragraph(console, Text(_summary(entries)))
    for note in entries.notes:
        paragraph(console, Text(inert(note)), indent=2)
    if entries.raw:
        paragraph(console, Text(f"raw: {entries.raw}"), indent=2)
    if entries.contents is None:
        return
    contents = entries.contents
    for grouping in contents.groupings:
        _print_grouping(console, grouping, contents)
    for ages in contents.ages:
        _print_ages(console, ages, contents)
    if contents.shown:
        heading(console, f"{count_text(len(contents.shown))} of {entries_text(contents.live)}")
        _print_rows(console, contents.shown)
    if not redacted:
        console.print()
        paragraph(console, Text(_SECRETS, "yellow"))


def _summary(entries: MapEntries) -> str:
    map_ = entries.map
    stood = {"live": "read while it ran", "core": "read from a core"}.get(
        entries.snapshot.mode, f"it stood still for {entries.snapshot.pause_ms:.1f} ms"
    )
    return (
        f"{inert(map_.owner, SHOWN_LIMIT)}: {inert(map_.type or 'a map of unknown type', SHOWN_LIMIT)} at "
        f"{map_.address:#x}, {entries_text(map_.entries)}, {bytes_text(map_.shallow_bytes)} of its own. "
        f"{inert(entries.target.exe, SHOWN_LIMIT)} ({entries.target.go_version}), "
        f"{stood}."
    )


def _of(contents: Contents) -> str:
    """Return of how many entries a share is one."""
    if contents.looked_at == contents.live:
        return "all entries"
    return f"a sample of {count_text(contents.looked_at)} of {entries_text(contents.live)}"


def _print_grouping(console: Console, grouping: Grouping, contents: Contents) -> None:
    heading(console, f"Keys by {inert(grouping.by)}, {_of(contents)}")
    table = _plain_table("", "entries", "share", "bytes", "of bytes", header=True)
    for group in grouping.groups:
        share = percent_text(group.entries / max(1, contents.looked_at))
        held = percent_text(group.bytes / max(1, contents.looked_at_bytes))
        figures = (count_text(group.entries), share, bytes_text(group.bytes), held)
        _add(console, table, inert(group.name, _KEY_LIMIT), *figures)
    console.print(table)
    left = grouping.distinct - len(grouping.groups)
    if left > 0:
        paragraph(console, Text(f"… and {count_text(left)} more groups", "dim"), indent=2)


def _print_ages(console: Console, ages: Ages, contents: Contents) -> None:
    heading(console, f"Values by age of {inert(ages.field) or 'the value'} ({ages.unit}), {_of(contents)}")
    over = percent_text(ages.over_an_hour / ages.known if ages.known else 0)
    told = (
        f"oldest {_when(ages.oldest_seconds)}, median {_when(ages.median_seconds)}, newest "
        f"{_when(ages.newest_seconds)}; {over} older than 1 h"
    )
    aside = [
        f"{count_text(number)} {what}"
        for number, what in (
            (ages.in_future, "in the future"), (ages.unset, "never set"), (ages.unreadable, "without"),
        )
        if number
    ]  # fmt: skip
    paragraph(console, Text("; ".join([told, *aside]) if ages.known else "; ".join(aside)), indent=2)
    table = _plain_table("", "entries", "share")
    for band in ages.bands:
        if band.entries:
            share = percent_text(band.entries / max(1, ages.known))
            _add(console, table, _band(band), count_text(band.entries), share)
    console.print(table)


def _band(band: AgeBand) -> str:
    if band.to_seconds is None:
        return f"{_age(band.from_seconds)} and older"
    return f"{_age(band.from_seconds)} to {_age(band.to_seconds)}"


def _when(seconds: float) -> str:
    return f"in {_age(-seconds)}" if seconds < 0 else f"{_age(seconds)} ago"


def _age(seconds: float) -> str:
    return duration_text(seconds * 1e9)


def _print_rows(console: Console, shown: tuple[Entry, ...]) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("Key", overflow="fold", ratio=1)
    table.add_column("Value", overflow="fold", ratio=2)
    for entry in shown:
        key, value = value_text(entry.key), value_text(entry.value)
        _add(console, table, inert(key, _KEY_LIMIT), inert(value, _VALUE_LIMIT))
    console.print(table)


def _plain_table(*columns: str, header: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=header)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table


def _add(console: Console, table: Table, *cells: str) -> None:
    table.add_row(*(encodable(console, Text(cell)) for cell in cells))
