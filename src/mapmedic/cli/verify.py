"""mapmedic verify BEFORE AFTER."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import complete_files, examples, force_option, html_option, json_option
from mapmedic.cli.output import ProgressBar, console, require_writable
from mapmedic.cli.proof_options import ProofWish, proof_options
from mapmedic.cli.report_file import write_fix_report
from mapmedic.errors import ProofFailed
from mapmedic.model.connection import Connection


@click.command(
    "verify",
    epilog=examples(
        "verify incident.mapmedic after.mapmedic",
        "verify incident.mapmedic http://10.1.2.3:6060 --expect-drop 0.6 --html proof.html",
    ),
)
@click.argument("before", shell_complete=complete_files)
@click.argument("after", shell_complete=complete_files)
@click.option(
    "--expect-drop",
    type=click.FloatRange(0.01, 0.99),
    default=0.4,
    show_default=True,
    help="The share by which RSS and heap must have fallen.",
)
@proof_options
@html_option
@connection_options
@force_option
@json_option
def command(
    before: str, after: str, expect_drop: float, html: Path | None, connection: Connection, wish: ProofWish,
    force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Compare two captures of a service: did the memory come back?

    BEFORE and AFTER are sessions, heap?debug=1 files or live targets. Exit code 5 where it did not.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.json_output import dump, proof_json  # noqa: PLC0415

    if html is not None:
        require_writable(html, force=force)
    criteria = api.Criteria(
        rss_drop=expect_drop, heap_drop=expect_drop, within_seconds=0,
        gc_pause_ms=wish.max_gc_pause_ms, near_baseline=wish.near,
    )  # fmt: skip
    with ProgressBar() as progress:
        first = api.observe([before], api.CapturePlan(), connection, progress=progress)
        second = api.observe([after], api.CapturePlan(), connection, progress=progress)
    baseline = api.observe([str(wish.baseline)], api.CapturePlan()) if wish.baseline else None
    trace = api.read_gc_log(wish.gc_log) if wish.gc_log else None
    proof = api.verify(first, second, criteria, baseline=baseline, trace=trace)
    if html is not None:
        write_fix_report(html, f"Before and after: {after}", proof, before=first, after=second, force=force)
    if as_json:
        click.echo(dump(proof_json(proof)))
    else:
        from mapmedic.report.terminal import print_proof  # noqa: PLC0415

        print_proof(console(), proof)
    return 0 if proof.passed else ProofFailed.exit_code
