"""mapmedic capture TARGET -o FILE."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import examples, force_option, json_option, read_token, token_option, window_options
from mapmedic.cli.output import ProgressBar, say
from mapmedic.model.connection import Connection
from mapmedic.report.inert import inert


@click.command(
    "capture",
    epilog=examples(
        "capture http://10.1.2.3:6060 -o incident.mapmedic",
        "capture http://10.1.2.3:6060 -o incident.mapmedic --for 5m --gc",
    ),
)
@click.argument("target")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The session file to write."
)
@window_options("0s")
@token_option
@connection_options
@force_option
@json_option
def command(
    target: str, output: Path, seconds: float, visits: int, force_gc: bool, token_file: Path | None,
    connection: Connection, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Take everything reachable from TARGET and save it as one session file.

    Raw bytes are saved as they come; what could not be had is recorded, not fatal. Study the file as
    often as you like: mapmedic diagnose FILE.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.figures import bytes_text  # noqa: PLC0415
    from mapmedic.report.json_output import capture_json, dump  # noqa: PLC0415

    plan = api.CapturePlan(seconds, visits, force_gc, read_token(token_file))
    with ProgressBar() as progress, _saying_what_is_left(output):
        path = api.capture(target, output, plan, connection, force=force, progress=progress)
    session = api.read_session(path)
    if as_json:
        click.echo(dump(capture_json(str(path), session)))
        return
    total = sum(len(artifact.data) for artifact in session.artifacts)
    click.echo(f"{inert(str(path))}: {len(session.artifacts)} artifacts, {bytes_text(total)}")
    for blank in session.not_captured:
        say(f"not captured: {blank.what}: {blank.why}")
    say(f"next: mapmedic diagnose {shlex.quote(str(path))}")


@contextmanager
def _saying_what_is_left(output: Path) -> Iterator[None]:
    """Name the partial file when a capture is interrupted: it is a session, and it can be read."""
    try:
        yield
    except KeyboardInterrupt as stop:
        partial = Path(f"{output}.partial")
        if partial.exists():
            stop.add_note(f"what had arrived is kept in {partial}")
            stop.add_note(f"next: mapmedic diagnose {shlex.quote(str(partial))}")
        else:
            stop.add_note("nothing had arrived yet, nothing is left")
        raise
