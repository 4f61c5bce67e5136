"""mapmedic heap TARGET --entries OWNER, --paths OWNER."""

from __future__ import annotations

import click

from mapmedic.cli.output import console
from mapmedic.model.entries import MapEntries
from mapmedic.model.holders import MapHolders
from mapmedic.report.entries_json import entries_json
from mapmedic.report.entries_table import print_entries
from mapmedic.report.holders_tree import holders_json, print_holders
from mapmedic.report.json_output import dump
from mapmedic.report.redaction import Redaction


def show_entries(found: MapEntries, *, redact: bool, as_json: bool) -> None:
    """Print what is in a map, as JSON or for people; with ``redact`` nothing of what its keys and values say."""
    shown = Redaction().entries(found) if redact else found
    if as_json:
        click.echo(dump(entries_json(shown)))
    else:
        print_entries(console(), shown, redacted=redact)


def show_holders(found: MapHolders, *, as_json: bool) -> None:
    """Print who holds a map, as JSON or for people."""
    if as_json:
        click.echo(dump(holders_json(found)))
    else:
        print_holders(console(), found)
