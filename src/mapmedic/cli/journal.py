"""mapmedic journal show|export FILE."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.options import examples, force_option, json_option
from mapmedic.cli.output import console, require_writable, say


@click.group(
    "journal",
    epilog=examples(
        "journal show fix.jsonl", "journal show fix.jsonl --json", "journal export fix.jsonl -o entries.jsonl"
    ),
)
def command() -> None:
    """Read the journal of a fix, a tune or a restore: what was done, how far it got; and the entries it saved."""


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Say what was planned, what was done, how far it got and what the journal cannot tell."""
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.journal import journal_json, print_journal  # noqa: PLC0415
    from mapmedic.report.json_output import dump  # noqa: PLC0415

    story = api.show_journal(file)
    if as_json:
        click.echo(dump(journal_json(story)))
    else:
        print_journal(console(), story)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "output", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT", help="A new file."
)
@click.option(
    "--format", "how", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True,
    help="jsonl: an object with key and value a line; csv: the two as columns, each cell JSON.",
)  # fmt: skip
@force_option
def export(file: Path, output: Path | None, how: str, force: bool) -> None:
    """Write the entries that were saved, as of the moment of the write, in a form that a program can load.

    FILE is the journal, or a file of entries beside it.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick

    if output is not None:
        require_writable(output, force=force)
    lines = api.export_entries(file, as_csv=how == "csv")
    if output is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    api.write_export(output, lines, force=force)
    say(f"entries: {output}")
