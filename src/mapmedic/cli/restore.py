"""mapmedic restore TARGET BACKUP."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import examples, json_option, read_token, token_option
from mapmedic.cli.output import ProgressBar, console
from mapmedic.model.connection import Connection


@click.command(
    "restore",
    epilog=examples(
        "restore http://10.1.2.3:6060 sessions.backup",
        "restore http://10.1.2.3:6060 sessions.backup --apply",
    ),
)
@click.argument("target")
@click.argument("backup", type=click.Path(path_type=Path))
@click.option("--map", "name", help="The map to put the entries into; by default the one they came from.")
@click.option("--apply", "apply_it", is_flag=True, help="Do it. Without this, only the plan is shown.")
@click.option("--journal", type=click.Path(file_okay=False, path_type=Path), help="Folder for the journal.")
@token_option
@connection_options
@json_option
def command(
    target: str, backup: Path, name: str | None, apply_it: bool, journal: Path | None, token_file: Path | None,
    connection: Connection, as_json: bool,
) -> int:  # fmt: skip
    """Show what a backup of hotfix holds; with --apply, put its entries back into the map.

    A key that is in the map by now keeps its value, so a restore can be repeated. Exit code 4: refused,
    nothing touched. 5: some entries are back, not all.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.json_output import dump, restore_json  # noqa: PLC0415

    token = read_token(token_file)
    plan = api.plan_restore(target, backup, token, connection, map_name=name)
    done = None
    if not as_json:
        from mapmedic.report.restore_terminal import print_restore_plan, print_restored  # noqa: PLC0415

        print_restore_plan(console(), plan, offer=not apply_it)
    if apply_it:
        with ProgressBar() as progress:
            done = api.apply_restore(plan, token, connection, journal_folder=journal, progress=progress)
        if not as_json:
            print_restored(console(), done)
    if as_json:
        click.echo(dump(restore_json(plan, done)))
    return 0
