"""mapmedic heap TARGET."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.options import examples, json_option


@click.command(
    "heap", epilog=examples("heap 1234", "heap pid:1234 --snapshot freeze --json", "heap core:core.1234")
)
@click.argument("target")
@click.option(
    "--snapshot",
    type=click.Choice(["fork", "freeze", "live"]),
    default="fork",
    show_default=True,
    help="fork: read a frozen copy, the process runs on at once. freeze: it stands still while it is read. "
    "live: it is not stopped, and hot maps may be missing.",
)
@click.option(
    "--max-pause",
    "max_pause_ms",
    type=click.FloatRange(0.1, 60_000),
    default=200.0,
    show_default=True,
    metavar="MS",
    help="Let the process go and give up where it would stand still longer.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many maps are listed.",
)
@click.option(
    "--exe",
    type=click.Path(path_type=Path),
    help="The program of a core, where it is neither at the place that the core names nor beside the core.",
)
@json_option
def command(
    target: str, snapshot: str, max_pause_ms: float, limit: int, exe: Path | None, as_json: bool
) -> None:
    """List every map in a live Go process or a core of one: whose it is, how many entries, what it holds.

    TARGET is a process on this machine (1234 or pid:1234) or a core (core:PATH); no agent, no endpoint and no
    symbols are needed. Its memory is only read. A process stands still for the time that a fork takes, some
    milliseconds for each hundred MiB.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.cli.output import console  # noqa: PLC0415
    from mapmedic.report.heap_table import print_inventory  # noqa: PLC0415
    from mapmedic.report.json_output import dump, heap_json  # noqa: PLC0415

    inventory = api.heap(target, snapshot=snapshot, max_pause_ms=max_pause_ms, exe=exe)
    if as_json:
        click.echo(dump(heap_json(inventory)))
    else:
        print_inventory(console(), inventory, limit)
