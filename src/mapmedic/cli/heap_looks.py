"""The three looks of mapmedic heap TARGET: every map; --entries OWNER; --paths OWNER."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TypedDict

import click

from mapmedic import api
from mapmedic.cli.output import ProgressBar, console
from mapmedic.cli.profile_file import write_inventory_profile
from mapmedic.model.connection import Connection
from mapmedic.model.inventory import MapInstance
from mapmedic.report.entries_json import entries_json
from mapmedic.report.entries_table import print_entries
from mapmedic.report.heap_table import print_inventory
from mapmedic.report.holders_tree import holders_json, print_holders
from mapmedic.report.json_output import dump, heap_json
from mapmedic.report.redaction import Redaction
from mapmedic.report.terminal_parts import command

_LISTED = 20


class Reading(TypedDict):
    """How the memory is read: what `api.heap` and its like take."""

    snapshot: str | None
    max_pause_ms: float
    memory_floor_bytes: int
    exe: Path | None


def show_inventory(
    target: str, reading: Reading, against: str | None, connection: Connection, *, limit: int | None, by_declared: bool,
    as_json: bool, pprof: Path | None, force: bool,
) -> None:  # fmt: skip
    """Print every map, as JSON or for people; with ``pprof`` write the profile as well."""
    with ProgressBar() as bar:
        inventory = api.heap(target, **reading, against=against, connection=connection, progress=bar)
    if pprof is not None:
        write_inventory_profile(pprof, inventory, force=force)
    if as_json:
        click.echo(dump(heap_json(inventory.largest(limit) if limit else inventory)))
    else:
        print_inventory(console(), inventory, limit or _LISTED, by_declared=by_declared)


def show_entries(
    target: str, owner: str, reading: Reading, *, limit: int | None, redact: bool, as_json: bool
) -> None:
    """Print what is in a map, as JSON or for people; with ``redact`` nothing of what its keys and values say."""
    with ProgressBar() as bar:
        found = api.heap_entries(target, owner, shown=limit or _LISTED, **reading, progress=bar)
    shown = Redaction().entries(found) if redact else found
    if as_json:
        click.echo(dump(entries_json(shown)))
    else:
        print_entries(console(), shown, redacted=redact)
        _offer_fix(target, owner, found.map)


def show_holders(target: str, owner: str, reading: Reading, *, redact: bool, as_json: bool) -> None:
    """Print who holds a map, as JSON or for people; with ``redact`` without the keys on the way."""
    with ProgressBar() as bar:
        held = api.heap_paths(target, owner, **reading, progress=bar)
    shown = Redaction().holders(held) if redact else held
    if as_json:
        click.echo(dump(holders_json(shown)))
    else:
        print_holders(console(), shown)
        _offer_fix(target, owner, held.map)


def _offer_fix(target: str, owner: str, map_: MapInstance) -> None:
    """Print the command that shows the plan for emptying ``map_``, called ``owner``, where that can be done."""
    if api.is_process(target) and map_.entries:
        command(console(), shlex.join(["mapmedic", "hotfix", target, "--map", owner]))
