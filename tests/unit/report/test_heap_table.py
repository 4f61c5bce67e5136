"""The table of maps at every width: what is left out, and that names and figures can still be read."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mapmedic.report.heap_table import print_inventory
from tests.support.inventories import a_holder, a_map, inventory

OWNER = "main.manager.sessions"
SEEN = inventory(a_map(OWNER, 1_234_567), a_map("main.b", 3), holders=(a_holder("main.log", 2_000_000),))
COLUMNS = {
    40: ["Owner", "Entries", "Retained"],
    60: ["Owner", "Entries", "Fill", "Shallow", "Dead", "Retained"],
    80: ["Owner", "Entries", "Fill", "Shallow", "Dead", "Retained", "In RAM"],
    120: ["Owner", "Type", "Entries", "Fill", "Shallow", "Dead", "Retained", "In RAM"],
    200: ["Owner", "Type", "Entries", "Fill", "Shallow", "Dead", "Retained", "In RAM"],
}


def lines(width: int) -> list[str]:
    stream = io.StringIO()
    print_inventory(Console(file=stream, width=width), SEEN, 20)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", COLUMNS)
def test_a_narrow_terminal_has_fewer_columns_and_names_that_can_be_read(width: int) -> None:
    shown = lines(width)
    assert max(map(len, shown)) <= width
    heads = [line for line in shown if line.startswith("Owner")]
    assert heads[0].replace("In RAM", "In_RAM").split() == [c.replace(" ", "_") for c in COLUMNS[width]]
    row = shown[shown.index(heads[0]) + 1]
    assert row.startswith(OWNER[:14])
    assert "1,234,567" in row


def test_what_holds_much_keeps_its_retained_bytes() -> None:
    heads = [line.split() for line in lines(40) if line.startswith("Owner")]
    assert heads[1][:2] == ["Owner", "What"]
    assert "Retained" in lines(60)[[n for n, line in enumerate(lines(60)) if line.startswith("Owner")][1]]
