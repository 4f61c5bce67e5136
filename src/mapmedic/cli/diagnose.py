"""mapmedic diagnose TARGET..."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import (
    complete_files,
    examples,
    exe_option,
    force_option,
    html_option,
    json_option,
    pause_option,
    pprof_option,
    read_token,
    token_option,
    window_options,
)
from mapmedic.cli.output import ProgressBar, console, require_writable, say
from mapmedic.cli.profile_file import write_profile
from mapmedic.cli.report_file import write_report
from mapmedic.model.connection import Connection

if TYPE_CHECKING:
    from mapmedic.model.findings import Diagnosis
    from mapmedic.model.observation import Observation


@click.command(
    "diagnose",
    epilog=examples(
        "diagnose http://10.1.2.3:6060 --for 1m --gc --source .",
        "diagnose pid:1234 http://127.0.0.1:6060",
        "diagnose incident.mapmedic --source . --html incident.html",
    ),
)
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, shell_complete=complete_files)
@window_options("30s")
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of the service's Go source: names the map that the inserting line fills.",
)
@exe_option
@pause_option
@html_option
@pprof_option
@token_option
@connection_options
@force_option
@json_option
def command(
    targets: tuple[str, ...], seconds: float, visits: int, force_gc: bool, source: Path | None,
    exe: Path | None, max_pause_ms: float, html: Path | None, pprof: Path | None, token_file: Path | None,
    connection: Connection, force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Say which container eats the memory, who fills it, how sure that is, and what to do.

    One live TARGET, watched for 30 s unless --for says otherwise, or any number of files of the same
    process (they are put in order of time). A process on this machine (pid:N) is looked into at the beginning
    and at the end: its maps are counted, and need no endpoint for it. Give its URL as well and what allocates is
    known, too. Exit code 1 is a finding; healthy, steady and undetermined are 0.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick

    for path in filter(None, (html, pprof)):
        require_writable(path, force=force)
    if seconds and len(targets) <= 2 and all(map(api.is_live, targets)):
        say(f"watching {' '.join(targets)} for {seconds:g} s (--for changes that)")
    plan = api.CapturePlan(
        seconds, visits, force_gc, read_token(token_file), inside=api.Limits(max_pause_ms=max_pause_ms)
    )
    with ProgressBar() as progress:
        observation = api.observe(targets, plan, connection, exe=exe, progress=progress)
    diagnosis = api.diagnose(observation, source=source)
    if as_json:
        # The files first: should they fail, stdout still holds one JSON object, the error's.
        from mapmedic.report.json_output import diagnosis_json, dump  # noqa: PLC0415

        _write_files(html, pprof, diagnosis, observation, force=force)
        click.echo(dump(diagnosis_json(diagnosis)))
    else:
        from mapmedic.report.heap_table import print_inside  # noqa: PLC0415
        from mapmedic.report.terminal import print_diagnosis  # noqa: PLC0415

        try:
            print_diagnosis(console(), diagnosis, observation.timeline)
            print_inside(console(), observation)
        finally:  # a reader that has gone (`| head`) must not cost the page
            _write_files(html, pprof, diagnosis, observation, force=force)
    return 1 if diagnosis.verdict.is_finding else 0


def _write_files(
    html: Path | None, pprof: Path | None, diagnosis: Diagnosis, observation: Observation, *, force: bool
) -> None:
    if html is None and pprof is None:
        return
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick

    change = api.heap_change(observation)
    if html is not None:
        write_report(html, diagnosis, observation, change, force=force)
    if pprof is not None:
        write_profile(pprof, observation, change, force=force)
