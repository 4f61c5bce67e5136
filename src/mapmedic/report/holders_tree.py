"""Who holds one map, on a terminal and as ``mapmedic.heap-paths/1``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from mapmedic.model.holders import MapHolders
from mapmedic.model.inventory import Inventory
from mapmedic.report.figures import bytes_text, count_text, entries_text
from mapmedic.report.inert import SHOWN_LIMIT, inert
from mapmedic.report.json_output import heap_json
from mapmedic.report.terminal_parts import bullets, heading, paragraph


def print_holders(console: Console, holders: MapHolders) -> None:
    """Print the way from the root down to the map, a line for each object, and who else leads to its end."""
    map_ = holders.map
    paragraph(
        console,
        Text(
            f"{inert(map_.owner, SHOWN_LIMIT)}: {inert(map_.type or 'a map of unknown type', SHOWN_LIMIT)} at "
            f"{map_.address:#x}, {entries_text(map_.entries)}, retains {bytes_text(map_.retained_bytes)}."
        ),
    )
    heading(console, "Held by, from the root down")
    paragraph(console, Text(inert(holders.root, SHOWN_LIMIT)), indent=2)
    before = holders.root
    for depth, step in enumerate(holders.steps, 1):
        what = inert(step.type or "a value whose type is not known", SHOWN_LIMIT)
        line = f"{what} at {step.address:#x}, retains {bytes_text(step.retained_bytes)}"
        if step.name != before and depth < len(holders.steps):
            line += f", leads on by {inert(step.name, SHOWN_LIMIT)}"
        before = step.name
        paragraph(console, Text(line), indent=2 + 2 * min(depth, 12), lead=Text("└ "))
    heading(console, f"Other holders: {count_text(holders.others_count)}")
    lines = [
        f"{inert(each.name, SHOWN_LIMIT)} leads to the {inert(each.of, SHOWN_LIMIT)}"
        for each in holders.others
    ]
    bullets(console, lines, len(lines))
    left = holders.others_count - len(lines)
    if left > 0:
        paragraph(console, Text(f"… and {count_text(left)} more", "dim"), indent=2)


def holders_json(holders: MapHolders) -> dict[str, Any]:
    """Return ``mapmedic.heap-paths/1``; target, snapshot and map as in ``mapmedic.heap/1``."""
    around = heap_json(Inventory(holders.target, holders.snapshot, (holders.map,), ()))
    return {
        "schema": "mapmedic.heap-paths/1",
        "target": around["target"],
        "snapshot": around["snapshot"],
        "map": around["maps"][0],
        "root": holders.root,
        "steps": [asdict(step) for step in holders.steps],
        "others": [asdict(each) for each in holders.others],
        "others_count": holders.others_count,
    }
