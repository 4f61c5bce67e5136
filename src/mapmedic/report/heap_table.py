"""The inventory of maps on a terminal: a table sorted by bytes, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.inventory import Holder, HolderKind, Inventory, MapInstance
from mapmedic.model.observation import Observation
from mapmedic.model.owner_groups import by_declaration, group_held, sum_figures
from mapmedic.model.units import MIB
from mapmedic.report.columns import columns_that_fit
from mapmedic.report.figures import bytes_text, count_text
from mapmedic.report.heap_account import print_account
from mapmedic.report.inert import SHOWN_LIMIT, inert
from mapmedic.report.inventory_view import last_inventory
from mapmedic.report.terminal_parts import NARROW, encodable, heading, paragraph

_BLANK = "-"
_FIGURES = ("Entries", "Fill", "Shallow", "Dead", "Retained", "In RAM")
_HELD_FIGURES = ("Length", "Capacity", "Shallow", "Retained")
# On a narrow terminal those named last are left out first (--json has all).
_WEIGHTIEST = ("Entries", "Retained", "Shallow", "Dead", "Fill", "In RAM")
_HELD_WEIGHTIEST = ("Retained", "Length", "Shallow", "Capacity")
_LEAST_NAME, _NAME_SHARE = 16, 0.22
# Beside what a map retains, what it only shares is told from here on.
_LEAST_SHARED_BYTES, _LEAST_SHARED_PART = MIB, 0.1
# How many maps are shown beside a diagnosis.
_BESIDE = 5


def print_inventory(console: Console, inventory: Inventory, limit: int, *, by_declared: bool = False) -> None:
    """Print the ``limit`` largest maps of ``inventory`` and what is not in the table.

    With ``by_declared`` all instances of one declared owner are one row.
    """
    rows = declared_rows(inventory) if by_declared else inventory.maps
    paragraph(console, Text(_summary(inventory)))
    for note in inventory.snapshot.notes:
        paragraph(console, Text(inert(note)), indent=2)
    shown = rows[:limit]
    if shown:
        console.print()
        console.print(_table(console, shown))
        _print_shared(console, shown)
    left = len(rows) - len(shown)
    if left > 0:
        paragraph(console, Text(f"… and {count_text(left)} smaller ones (--limit)", "dim"), indent=2)
    if inventory.holders:
        heading(console, "Also large, and no map")
        console.print(_holder_table(console, inventory.holders[:limit]))
    if inventory.account is not None:
        print_account(console, inventory.account)
    doubts = [check for check in inventory.checks if not check.passed]
    if doubts:
        heading(console, "Does not agree, or could not be checked")
        for check in doubts:
            paragraph(console, Text(inert(f"{check.name}: {check.why}")), indent=2)
    if inventory.unread:
        heading(console, "Could not be read")
        for what in inventory.unread:
            paragraph(console, Text(inert(what)), indent=2)


def print_inside(console: Console, observation: Observation) -> None:
    """Print the largest maps of the process below what its profiles say, where it was looked into."""
    inventory = last_inventory(observation)
    if inventory is None or not inventory.maps:
        return
    heading(console, "Inside the process")
    console.print(_table(console, inventory.maps[:_BESIDE]))


def declared_rows(inventory: Inventory) -> tuple[MapInstance, ...]:
    """Return a row for each declared owner, figures summed over its maps, the largest first."""
    rows = [_together(maps) for maps in group_held(inventory.maps, by_declaration).values()]
    return tuple(sorted(rows, key=lambda row: -max(row.retained_bytes or 0, row.shallow_bytes)))


def _together(maps: list[MapInstance]) -> MapInstance:
    first = maps[0]
    if len(maps) == 1:
        return first
    sums = sum_figures(maps)
    return replace(
        first,
        owner=f"{first.declared or first.owner} x {count_text(len(maps))}",
        path=None,
        entries=sums.entries,
        capacity=sums.capacity,
        shallow_bytes=sums.shallow_bytes,
        dead_bytes=sums.dead_bytes,
        retained_bytes=sums.retained_bytes,
        resident_bytes=None,
        shared_bytes=None,
    )


def _print_shared(console: Console, maps: tuple[MapInstance, ...]) -> None:
    """Say which of ``maps`` lead to much that would stay if they went."""
    for each in maps:
        shared = each.shared_bytes or 0
        if shared >= max(_LEAST_SHARED_BYTES, _LEAST_SHARED_PART * (each.retained_bytes or 0)):
            owner = inert(each.owner, SHOWN_LIMIT)
            words = f"{owner} leads to {bytes_text(shared)} more, not counted above: also held elsewhere."
            paragraph(console, encodable(console, Text(words, "dim")), indent=2)


def _summary(inventory: Inventory) -> str:
    target, snapshot = inventory.target, inventory.snapshot
    held = sum(each.shallow_bytes for each in inventory.maps)
    dead = sum(each.dead_bytes or 0 for each in inventory.maps)
    stood = {"live": "read while it ran", "core": "read from a core"}.get(
        snapshot.mode, f"it stood still for {snapshot.pause_ms:.1f} ms"
    )
    return (
        f"{inert(target.exe, SHOWN_LIMIT)} ({target.go_version}{', stripped' if target.stripped else ''}), {stood}. "
        f"Its live heap has {count_text(snapshot.heap_objects)} objects of {bytes_text(snapshot.heap_bytes)}; "
        f"its {count_text(len(inventory.maps))} maps take {bytes_text(held)} themselves, {bytes_text(dead)} of it dead."
    )


def _table(console: Console, maps: tuple[MapInstance, ...]) -> Table:
    wide = console.width >= NARROW
    names = [("Owner", [each.owner for each in maps])]
    if wide:
        names.append(("Type", [each.type or _BLANK for each in maps]))
    return _rows(console, names, _columns(_FIGURES, map(_figures, maps)), _WEIGHTIEST)


def _holder_table(console: Console, holders: tuple[Holder, ...]) -> Table:
    names = [
        ("Owner", [each.owner for each in holders]),
        ("What", [_what(each) for each in holders]),
    ]
    return _rows(console, names, _columns(_HELD_FIGURES, map(_held_figures, holders)), _HELD_WEIGHTIEST)


def _columns(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _rows(
    console: Console,
    names: list[tuple[str, list[str]]],
    figures: dict[str, tuple[str, ...]],
    weightiest: tuple[str, ...],
) -> Table:
    """Return a table of ``names`` and as many ``figures`` as leave room to read them."""
    least = max(_LEAST_NAME, int(_NAME_SHARE * console.width))
    fitting = columns_that_fit(console.width - least * len(names), figures, weightiest)
    table = Table(box=None, pad_edge=False, show_edge=False)
    for name, _ in names:
        table.add_column(name, overflow="fold", ratio=3)
    for name in fitting:
        table.add_column(name, justify="right", no_wrap=True)
    texts = [[inert(text, SHOWN_LIMIT) for text in column] for _, column in names]
    for row in zip(*texts, *(figures[name] for name in fitting), strict=True):
        table.add_row(*(encodable(console, Text(text)) for text in row))
    return table


def _figures(each: MapInstance) -> tuple[str, ...]:
    fill = _BLANK if each.fill is None else f"{each.fill:.0%}"
    dead = _BLANK if each.dead_bytes is None else bytes_text(each.dead_bytes)
    retained = _BLANK if each.retained_bytes is None else bytes_text(each.retained_bytes)
    resident = _BLANK if each.resident_bytes is None else bytes_text(each.resident_bytes)
    return count_text(each.entries), fill, bytes_text(each.shallow_bytes), dead, retained, resident


def _what(each: Holder) -> str:
    """Return what a person calls it: its type, which says most, or its kind."""
    match each.kind:
        case HolderKind.LIST:
            return "linked list (container/list)"
        case HolderKind.POOL:
            return "stock of a sync.Pool"
        case HolderKind.SLICE if each.type is None and (each.capacity or 0) > each.shallow_bytes // 2:
            return "slice of bytes"
        case HolderKind.OBJECT if each.type is None:
            return "value of a type not known"
    return each.type or each.kind


def _held_figures(each: Holder) -> tuple[str, ...]:
    lengths = (_BLANK if n is None else count_text(n) for n in (each.length, each.capacity))
    return (*lengths, bytes_text(each.shallow_bytes), bytes_text(each.retained_bytes))
