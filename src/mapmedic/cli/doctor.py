"""mapmedic doctor."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.options import examples, json_option
from mapmedic.cli.output import console
from mapmedic.errors import CouldNotLook, UsageError

# Above what any kernel gives (PID_MAX_LIMIT).
_NO_PID = 1 << 22


@click.command("doctor", epilog=examples("doctor", "doctor 1234", "doctor 1234 --json"))
@click.argument("target", required=False, metavar="[PID]")
@click.option(
    "--repair",
    "repair_it",
    is_flag=True,
    help="Put back what a run that was killed left changed in a process.",
)
@click.option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --repair: the folder of the journals.",
)
@json_option
def command(target: str | None, repair_it: bool, journal: Path | None, as_json: bool) -> int:
    """Show what this machine allows, and what to do about what it does not.

    With PID (1234 or pid:1234), what that process allows: whether it is of Go, whether and how its memory can be read,
    which commands will work on it. It is not touched. Exit code 0 where a look is possible, 3 where not.
    A run of mapmedic that was killed while it forced collections is listed, and undone by --repair.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.json_output import doctor_json, dump  # noqa: PLC0415

    if (target is not None and repair_it) or (journal is not None and not repair_it):
        raise UsageError("--repair goes by the journals, and with no process; --journal goes with --repair")
    exam = None if target is None else api.examine_process(_pid(target))
    repaired = api.repair_left_overs(journal) if repair_it else ()
    checks = (*repaired, *api.examine_machine()) if exam is None else exam.checks
    if as_json:
        click.echo(dump(doctor_json(checks, exam)))
    else:
        from mapmedic.report.machine import print_exam, print_machine  # noqa: PLC0415

        if exam is None:
            print_machine(console(), checks)
        else:
            print_exam(console(), exam)
    return 0 if exam is None or exam.can_look else CouldNotLook.exit_code


def _pid(target: str) -> int:
    number = target.removeprefix("pid:")
    if not (number.isascii() and number.isdigit()) or not 0 < int(number) <= _NO_PID:
        raise UsageError(f"{target} is no process: doctor takes the number of one (1234 or pid:1234)")
    return int(number)
