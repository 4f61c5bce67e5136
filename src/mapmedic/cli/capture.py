"""mapmedic capture TARGET -o FILE."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import (
    Duration,
    examples,
    exe_option,
    force_option,
    json_option,
    pause_option,
    read_token,
    token_option,
    window_options,
)
from mapmedic.cli.output import ProgressBar, say
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection
from mapmedic.report.inert import inert

# Longer ones cost the target for too long, and a trace of more than a minute does not fit into a session.
MAX_CPU_SECONDS, MAX_TRACE_SECONDS = 300.0, 60.0


@click.command(
    "capture",
    epilog=examples(
        "capture http://10.1.2.3:6060 -o incident.mapmedic",
        "capture http://10.1.2.3:6060 -o incident.mapmedic --for 5m --gc",
        "capture pid:1234 -o incident.mapmedic --image",
        "capture pid:1234 http://127.0.0.1:6060 -o incident.mapmedic --for 30s",
    ),
)
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The session file to write."
)
@exe_option
@pause_option
@window_options("0s")
@click.option(
    "--cpu",
    "cpu_seconds",
    type=Duration(),
    default=0.0,
    metavar="DURATION",
    help="Also take a CPU profile this long, at the end; costs the target about 1 % CPU meanwhile.",
)
@click.option(
    "--trace",
    "trace_seconds",
    type=Duration(),
    default=0.0,
    metavar="DURATION",
    help="Also record an execution trace this long, at the end; costs the target more, and megabytes a second.",
)
@click.option(
    "--image",
    is_flag=True,
    help="Of a process: also keep its memory at the last look, and its program; as large as what it has in RAM.",
)
@token_option
@connection_options
@force_option
@json_option
def command(
    targets: tuple[str, ...], output: Path, exe: Path | None, max_pause_ms: float, seconds: float, visits: int,
    force_gc: bool, cpu_seconds: float,
    trace_seconds: float, image: bool, token_file: Path | None, connection: Connection, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Take everything reachable from TARGET and save it as one session file.

    TARGET is a URL, a process on this machine (pid:N), or both of the same program. Of a process the inventory of
    its maps is kept, its mappings, and the kernel's and the cgroup's figures of it; with --image its memory too, from
    which mapmedic heap FILE works as on the process.

    Raw bytes are saved as they come; what could not be had is recorded, not fatal. Study the file as
    often as you like: mapmedic diagnose FILE.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.figures import bytes_text  # noqa: PLC0415
    from mapmedic.report.json_output import capture_json, dump  # noqa: PLC0415
    from mapmedic.report.session_words import in_words, taken_lines  # noqa: PLC0415

    _require_short(cpu_seconds, trace_seconds)
    plan = api.CapturePlan(
        seconds,
        visits,
        force_gc,
        read_token(token_file),
        cpu_seconds=cpu_seconds,
        trace_seconds=trace_seconds,
        inside=api.Limits(max_pause_ms=max_pause_ms),
        image=image,
    )
    with ProgressBar() as progress:
        path = api.capture(targets, output, plan, connection, exe=exe, force=force, progress=progress)
    session = api.read_session(path)
    if as_json:
        click.echo(dump(capture_json(str(path), session)))
        return
    total = sum(len(a.data) for a in session.artifacts) + sum(s.bytes for s in session.stored)
    count = len(session.artifacts) + len(session.stored)
    click.echo(f"{inert(str(path))}: {count} artifacts, {bytes_text(total)}")
    for line in taken_lines(session):
        click.echo(inert(line))
    for blank in session.not_captured:
        say(f"not captured: {in_words(blank.what)}: {blank.why}")
    say(f"next: mapmedic diagnose {shlex.quote(str(path))}")


def _require_short(cpu_seconds: float, trace_seconds: float) -> None:
    for name, seconds, most in (
        ("--cpu", cpu_seconds, MAX_CPU_SECONDS), ("--trace", trace_seconds, MAX_TRACE_SECONDS),
    ):  # fmt: skip
        if seconds > most:
            raise UsageError(
                f"{name} {seconds:g}s is longer than {most:g} s, which costs the target too much"
            )
