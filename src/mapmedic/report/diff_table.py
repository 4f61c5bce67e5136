"""What changed between two looks, on a terminal and as ``mapmedic.diff/1``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.comparison import ComparedBy, Comparison
from mapmedic.model.inventory_change import NOTHING, OwnerChange, OwnerFigures
from mapmedic.report.figures import bytes_text, count_text, duration_text, rate_text
from mapmedic.report.inert import SHOWN_LIMIT, inert
from mapmedic.report.terminal_parts import NARROW, encodable, heading, paragraph

Json = dict[str, Any]


def diff_json(comparison: Comparison) -> Json:
    """Return ``mapmedic.diff/1``."""
    return {
        "schema": "mapmedic.diff/1",
        "before": {"target": comparison.before, "heap_bytes": comparison.heap_bytes[0]},
        "after": {"target": comparison.after, "heap_bytes": comparison.heap_bytes[1]},
        "by": comparison.by.value,
        "seconds": comparison.seconds,
        "doubts": list(comparison.doubts),
        "rows": [_row_json(row, comparison.seconds) for row in comparison.rows],
    }


def _row_json(row: OwnerChange, seconds: float | None) -> Json:
    return {
        "owner": row.owner,
        "path": row.path,
        "declared": row.declared,
        "label": row.label,
        "type": row.type,
        "design": row.design,
        "kind": row.kind,
        "state": state_of(row),
        "before": _figures_json(row.before),
        "after": _figures_json(row.after),
        "entries_gained": row.entries,
        "bytes_gained": row.bytes,
        "entries_per_second": row.entries / seconds if seconds else None,
        "bytes_per_second": row.bytes / seconds if seconds else None,
    }


def _figures_json(figures: OwnerFigures | None) -> Json | None:
    return None if figures is None else {**asdict(figures), "bytes": figures.bytes}


def state_of(row: OwnerChange) -> str:
    """Return new, gone, grown, shrunk or same."""
    if row.before is None or row.after is None:
        return "new" if row.before is None else "gone"
    change = row.bytes or row.entries
    return "same" if change == 0 else "grown" if change > 0 else "shrunk"


def print_comparison(console: Console, comparison: Comparison, limit: int) -> None:
    """Print what changed, the one that gained most first, at most ``limit`` rows, and what weakens it."""
    paragraph(console, Text(_summary(comparison)))
    for doubt in comparison.doubts:
        paragraph(console, Text(inert(doubt), "yellow"), indent=2)
    changed = [row for row in comparison.rows if state_of(row) != "same"]
    if changed:
        console.print()
        console.print(_table(console, comparison, changed[:limit]), highlight=False)
    for left, words in (
        (len(changed) - limit, "more that changed (--limit)"),
        (len(comparison.rows) - len(changed), "did not change"),
    ):
        if left > 0:
            paragraph(console, Text(f"… {count_text(left)} {words}", "dim"), indent=2)
    if not comparison.rows:
        heading(console, "Nothing to compare: neither has a map, or anything large")


def _summary(comparison: Comparison) -> str:
    old, new = comparison.heap_bytes
    when = f" in {duration_text(comparison.seconds * 1e9)}" if comparison.seconds else ""
    return f"The live heap went from {bytes_text(old)} to {bytes_text(new)}{when}."


def _table(console: Console, comparison: Comparison, rows: list[OwnerChange]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    named, counted = {
        ComparedBy.OWNER: ("Owner", "Entries"),
        ComparedBy.DECLARED: ("Declared as", "Entries"),
        ComparedBy.SITE: ("Allocated by", "Objects"),
    }[comparison.by]
    table.add_column(named, overflow="fold", ratio=3)
    wide = console.width >= NARROW and comparison.by is not ComparedBy.SITE
    if wide:
        table.add_column("Kind", no_wrap=True)
        table.add_column("Type", overflow="fold", ratio=2)
    for name in (counted, "gained", "Bytes", "gained", *(["Rate"] if comparison.seconds else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [Text(inert(_name(row), SHOWN_LIMIT))]
        if wide:
            cells += [Text(row.kind), Text(inert(row.type or "-", SHOWN_LIMIT))]
        cells += [Text(text) for text in _figures(row, comparison.seconds)]
        table.add_row(*(encodable(console, cell) for cell in cells))
    return table


def _name(row: OwnerChange) -> str:
    maps = (row.after or row.before or NOTHING).instances
    note = {"new": " (new)", "gone": " (gone)"}.get(state_of(row), "")
    return f"{row.owner}{f' x {count_text(maps)}' if maps > 1 else ''}{note}"


def _figures(row: OwnerChange, seconds: float | None) -> list[str]:
    now = row.after or NOTHING
    sign = "-" if row.bytes < 0 else "+"
    texts = [
        count_text(now.entries), f"{row.entries:+,}", bytes_text(now.bytes), f"{sign}{bytes_text(abs(row.bytes))}",
    ]  # fmt: skip
    return [*texts, rate_text(row.bytes / seconds)] if seconds else texts
