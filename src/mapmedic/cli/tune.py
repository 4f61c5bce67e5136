"""mapmedic tune PID."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from mapmedic.cli.options import Duration, examples, json_option
from mapmedic.cli.output import ProgressBar, console
from mapmedic.errors import ProofFailed, UsageError

_OFF_PERCENT, _NO_LIMIT = -1, (1 << 63) - 1
_MOST_PERCENT = (1 << 31) - 1
# src/runtime/string.go, parseByteCount: what GOMEMLIMIT takes.
_BYTES = re.compile(r"(\d+)(B|KiB|MiB|GiB|TiB)?")
_UNITS = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class Percent(click.ParamType[int]):
    """What GOGC takes: a number, or off."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, -1 for off."""
        if value == "off":
            return _OFF_PERCENT
        if not str(value).isdecimal() or int(value) > _MOST_PERCENT:
            self.fail(f"{value!r} is neither a percentage nor off", param, ctx)
        return int(value)


class MemoryLimit(click.ParamType[int]):
    """What GOMEMLIMIT takes: 1500MiB, 2GiB, a bare number of bytes, or off."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes that ``value`` means; for off the largest number there is, as the runtime has it."""
        if value == "off":
            return _NO_LIMIT
        match = _BYTES.fullmatch(str(value))
        size = int(match.group(1)) * _UNITS[match.group(2)] if match else 0
        if not 0 < size <= _NO_LIMIT:
            self.fail(f"{value!r} is no amount of memory; say 1500MiB, 2GiB or off", param, ctx)
        return size


@click.command(
    "tune",
    epilog=examples(
        "tune 1234",
        "tune 1234 --memory-limit 1500MiB --gogc 50",
        "tune 1234 --gctrace on --apply",
        "tune 1234 --collect 3 --apply",
    ),
)
@click.argument("target")
@click.option("--gogc", "percent", type=Percent(), metavar="N|off", help="Set GOGC.")
@click.option("--memory-limit", type=MemoryLimit(), metavar="SIZE|off", help="Set GOMEMLIMIT: 1500MiB, 2GiB.")
@click.option(
    "--gctrace",
    type=click.Choice(["on", "off"]),
    help="A line for each collection on the program's standard error.",
)
@click.option(
    "--collect",
    "collections",
    type=click.IntRange(1, 20),
    metavar="N",
    help="Force N collections now; Go gives memory back after the second or third.",
)
@click.option(
    "--within", type=Duration(), default="30s", show_default=True, help="The time that they may take."
)
@click.option(
    "--revert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="JOURNAL",
    help="Put back what an earlier tune of this process changed.",
)
@click.option("--apply", "apply_it", is_flag=True, help="Do it. Without this, only the plan is shown.")
@click.option("--journal", type=click.Path(file_okay=False, path_type=Path), help="Folder for the journal.")
@json_option
def command(
    target: str, percent: int | None, memory_limit: int | None, gctrace: str | None, collections: int | None,
    within: float, revert: Path | None, apply_it: bool, journal: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Show GOGC, GOMEMLIMIT and gctrace of a running Go process; set them with --apply, without a restart.

    TARGET is a process on this machine (1234 or pid:1234), stripped or not; no agent and no endpoint are needed.
    Exit code 4: refused, nothing touched. 5: written, but the program says something else afterwards, or what was to be
    put back could not be.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.json_output import dump  # noqa: PLC0415
    from mapmedic.report.tuning import print_settings, print_tune_plan, print_tuned, tune_json  # noqa: PLC0415

    trace = None if gctrace is None else int(gctrace == "on")
    request = api.TuneRequest(percent, memory_limit, trace, collections or 0)
    _require_sense(request.asks_for_change, revert, apply_it=apply_it)
    plan = api.plan_tuning(target, request) if revert is None else api.plan_revert(target, revert)
    done = None
    if apply_it:
        with ProgressBar() as progress:
            done = api.apply_tuning(plan, journal_folder=journal, within_seconds=within, progress=progress)
    if as_json:
        click.echo(dump(tune_json(plan, done)))
    elif done is not None:
        print_tuned(console(), done)
    elif plan.changes or plan.conditions:
        print_tune_plan(console(), plan)
    else:
        print_settings(console(), plan)
    forced = done.collections if done else None
    return ProofFailed.exit_code if forced and not forced.restored else 0


def _require_sense(asks: bool, revert: Path | None, *, apply_it: bool) -> None:
    if asks and revert:
        raise UsageError("--revert puts back what was; it goes with no other setting")
    if apply_it and not (asks or revert):
        raise UsageError(
            "--apply without a setting: give --gogc, --memory-limit, --gctrace, --collect or --revert"
        )
