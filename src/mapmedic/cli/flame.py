"""mapmedic flame TARGET."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.options import force_option, json_option
from mapmedic.cli.output import ProgressBar, require_writable, say, write_text
from mapmedic.errors import CouldNotLook
from mapmedic.report.inert import inert


@click.command("flame")
@click.argument("target")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("flame.html"),
    show_default=True,
    help="The HTML file to write.",
)
@click.option(
    "--gc", "force_gc", is_flag=True, help="Force a GC in the target first, to see what is live now."
)
@force_option
@json_option
def command(target: str, output: Path, force_gc: bool, force: bool, as_json: bool) -> None:
    """Draw the heap of TARGET as a flame graph, with the runtime frames that pprof hides.

    Map growth is coloured: bucket arrays stand where the inserting function allocates them.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.html import render_flame  # noqa: PLC0415
    from mapmedic.report.json_output import dump, flame_json  # noqa: PLC0415

    require_writable(output, force=force)
    with ProgressBar() as progress:
        observation = api.observe([target], api.CapturePlan(force_gc=force_gc), progress=progress)
    heap = next((c.heap for c in reversed(observation.captures) if c.heap is not None), None)
    if heap is None:
        raise CouldNotLook(f"{target} holds no heap profile")
    write_text(output, render_flame(heap, f"Heap of {observation.target}"), force=force)
    if as_json:
        click.echo(dump(flame_json(observation.target, str(output), heap)))
        return
    click.echo(inert(str(output)))
    if not heap.frames_restored:
        say("runtime frames are hidden in this profile; a live URL or a session has them")
