"""mapmedic doctor."""

from __future__ import annotations

import click

from mapmedic.cli.options import examples, json_option
from mapmedic.cli.output import console


@click.command("doctor", epilog=examples("doctor", "doctor --json"))
@json_option
def command(as_json: bool) -> None:
    """Show what this machine allows, and what to do about what it does not."""
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.json_output import doctor_json, dump  # noqa: PLC0415

    checks = api.examine_machine()
    if as_json:
        click.echo(dump(doctor_json(checks)))
        return
    from mapmedic.report.machine import print_machine  # noqa: PLC0415

    print_machine(console(), checks)
