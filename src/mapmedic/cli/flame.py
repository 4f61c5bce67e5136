"""mapmedic flame TARGET."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import (
    complete_files,
    examples,
    exe_option,
    force_option,
    json_option,
    pprof_option,
    window_options,
)
from mapmedic.cli.output import ProgressBar, require_writable, say, write_text
from mapmedic.cli.profile_file import write_profile
from mapmedic.errors import CouldNotLook
from mapmedic.model.connection import Connection
from mapmedic.report.inert import inert

_DEFAULT_OUTPUT = Path("flame.html")


@click.command(
    "flame",
    epilog=examples(
        "flame incident.mapmedic -o flame.html",
        "flame http://10.1.2.3:6060 --for 30s --gc --pprof heap.pb.gz",
    ),
)
@click.argument("target", shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The HTML file to write: flame.html, or none where only --pprof is given.",
)
@pprof_option
@exe_option
@window_options("0s")
@connection_options
@force_option
@json_option
def command(
    target: str, output: Path | None, pprof: Path | None, seconds: float, visits: int, force_gc: bool,
    exe: Path | None, connection: Connection, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Draw the heap of TARGET as a flame graph, with the runtime frames that pprof hides.

    Map growth is coloured: bucket arrays stand where the inserting function allocates them. With --for, or a
    session of several captures, the graph also shows what grew meanwhile.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.html import render_flame  # noqa: PLC0415
    from mapmedic.report.json_output import dump, flame_json  # noqa: PLC0415
    from mapmedic.report.view import last_heap  # noqa: PLC0415

    html = output or (None if pprof else _DEFAULT_OUTPUT)
    for path in filter(None, (html, pprof)):
        require_writable(path, force=force)
    with ProgressBar() as progress:
        plan = api.CapturePlan(seconds, visits, force_gc)
        observation = api.observe([target], plan, connection, exe=exe, progress=progress)
    change = api.heap_change(observation)
    heap = last_heap(observation, change)
    if heap is None:
        raise CouldNotLook(f"{target} holds no heap profile")
    if html is not None:
        write_text(html, render_flame(heap, f"Heap of {observation.target}", change), force=force)
    if pprof is not None:
        write_profile(pprof, observation, change, force=force)
    if as_json:
        click.echo(dump(flame_json(observation.target, html, heap, pprof, change)))
    elif html is not None:
        click.echo(inert(str(html)))
    if not heap.frames_restored:
        say(
            "runtime frames are hidden here; a live URL or a session has them, or give heap?debug=1 and --exe FILE"
        )
