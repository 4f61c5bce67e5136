"""The pieces a terminal report is set from; each fits the width there is and obeys no markup of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.findings import Evidence
from mapmedic.report.figures import count_text, measured_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outcome_words import (
    change_or_blank,
    check_name,
    figure_text,
    result_text,
    threshold_text,
)

if TYPE_CHECKING:
    from mapmedic.model.remedy import Check, Condition

NARROW = 100
_RESULT_STYLES = {"passed": "green", "FAILED": "bold red", "noted": "yellow"}
# What an ASCII-only terminal or pipe gets instead: a report must not fail because a log file is not UTF-8.
_ASCII = str.maketrans({"µ": "u", "±": "+/-", "…": "...", "·": "-"})


def encodable(console: Console, text: Text) -> Text:
    """Return ``text`` in characters that the console's encoding has."""
    encoding = (console.encoding or "utf-8").lower()
    if encoding.startswith("utf"):
        return text
    plain = text.plain.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return Text(plain, style=text.style)


def paragraph(console: Console, text: Text, indent: int = 0, lead: Text | None = None) -> None:
    """Print text wrapped at words, ``lead`` before its first line and the others set in below it."""
    first = encodable(console, lead or Text())
    margin = indent + len(first)
    for number, line in enumerate(encodable(console, text).wrap(console, max(20, console.width - margin))):
        line.rstrip()
        before = Text(" " * indent).append_text(first) if number == 0 else Text(" " * margin)
        console.print(before.append_text(line), highlight=False, soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Print a heading with air above it."""
    console.print()
    console.print(Text(text, "bold"), highlight=False)


def bullets(console: Console, texts: Sequence[str], limit: int, sign: str = "· ") -> None:
    """Print one line each, at most ``limit``, and how many were left out."""
    for text in texts[:limit]:
        paragraph(console, Text(text), indent=2, lead=Text(sign))
    if len(texts) > limit:
        paragraph(console, Text(f"… and {count_text(len(texts) - limit)} more", "dim"), indent=2)


def conditions_list(console: Console, conditions: Sequence[Condition]) -> None:
    """Print what must hold before anything is touched, and whether it does."""
    if conditions:
        heading(console, "Before anything is touched")
    for condition in conditions:
        mark = Text("holds  ", "green") if condition.holds else Text("FAILS  ", "bold red")
        why = f": {inert(condition.why, WHOLE_LIMIT)}" if condition.why else ""
        paragraph(console, Text(f"{inert(condition.name, WHOLE_LIMIT)}{why}"), indent=2, lead=mark)


def pairs(console: Console, known: Sequence[tuple[str, str]]) -> None:
    """Print labels and what belongs to them; a path or a name stays whole, so that it can be copied."""
    console.print()
    width = max((len(label) for label, _ in known), default=0) + 2
    for label, text in known:
        lead = Text(label.ljust(width), "dim")
        if " " in text:
            paragraph(console, Text(text), lead=lead)
        else:
            console.print(encodable(console, lead.append(text, "not dim")), highlight=False, soft_wrap=True)


def command(console: Console, text: str) -> None:
    """Print the next command on a line of its own, unbroken, so that it can be copied."""
    heading(console, "Next")
    shown = encodable(console, Text(f"  {inert(text, WHOLE_LIMIT)}", "cyan"))
    console.print(shown, highlight=False, soft_wrap=True)


def evidence_table(console: Console, evidence: Sequence[Evidence], limit: int) -> None:
    """Print what was measured against which threshold, and where each figure comes from."""
    narrow = console.width < NARROW
    table = _table("Claim", "Measured", "Threshold", *([] if narrow else ["Source"]))
    for item in evidence[:limit]:
        claim = Text(inert(item.claim, SHOWN_LIMIT))
        source = Text(inert(item.source, SHOWN_LIMIT), "dim")
        threshold = "" if item.threshold is None else measured_text(item.threshold, item.unit)
        figures = [
            Text(inert(measured_text(item.measured, item.unit), SHOWN_LIMIT)),
            Text(inert(threshold, SHOWN_LIMIT)),
        ]
        if narrow:  # set off: without colours the two would read as one
            claim.append("\n").append(Text.assemble("(", source, ")", style="dim"))
        cells = [claim, *figures] if narrow else [claim, *figures, source]
        table.add_row(*(encodable(console, cell) for cell in cells))
    console.print(table, highlight=False)
    if len(evidence) > limit:
        paragraph(
            console,
            Text(f"… and {count_text(len(evidence) - limit)} more (--json lists all)", "dim"),
            indent=2,
        )


def checks_table(console: Console, checks: Sequence[Check]) -> None:
    """Print the criteria of a proof with their figures."""
    table = _table("Check", "Before", "After", "Change", "Threshold")
    table.add_column("", no_wrap=True)
    for check in checks:
        name = Text(check_name(check))
        figures = [figure_text(check.before, check.unit), figure_text(check.after, check.unit)]
        figures += [change_or_blank(check.change), threshold_text(check)]
        result = Text(result_text(check), _RESULT_STYLES[result_text(check)])
        cells = [name, *(Text(inert(figure, SHOWN_LIMIT)) for figure in figures), result]
        table.add_row(*(encodable(console, cell) for cell in cells))
    console.print(table, highlight=False)
    for check in checks:
        if check.why and not check.passed:  # below, not in a cell: it is a sentence, and must stay whole
            lead = Text(f"{check_name(check)}: ", "bold")
            paragraph(console, Text(inert(check.why, WHOLE_LIMIT)), indent=2, lead=lead)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    table.add_column(first, overflow="fold", ratio=1)
    for name in others:
        right = name != "Source"
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=False)
    return table
