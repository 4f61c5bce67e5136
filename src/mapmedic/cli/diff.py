"""mapmedic diff BEFORE [AFTER]."""

from __future__ import annotations

import click

from mapmedic.cli.options import Duration, by_option, complete_files, examples, json_option, pause_option


@click.command(
    "diff",
    epilog=examples(
        "diff before.json after.json", "diff incident.mapmedic --by declared", "diff pid:1234 --for 1m"
    ),
)
@click.argument("before", shell_complete=complete_files)
@click.argument("after", required=False, shell_complete=complete_files)
@click.option(
    "--for", "seconds", type=Duration(), default="30s", show_default=True,
    help="Of one process: how long to wait between the two looks into it.",
)  # fmt: skip
@by_option
@pause_option
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many rows are listed.",
)
@json_option
def command(
    before: str, after: str | None, seconds: float, by: str, max_pause_ms: float, limit: int, as_json: bool
) -> None:
    """Show what grew from BEFORE to AFTER: by owner, or for two heap profiles by the function that allocates.

    Each is what `mapmedic heap --json` printed, a session, a process (pid:N, looked into now), a core (core:PATH),
    or a heap profile. One process alone is looked into twice, --for apart; of one session its first and its last
    inventory are compared. Growth is no verdict: that is `mapmedic diagnose`.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.cli.output import ProgressBar, console  # noqa: PLC0415
    from mapmedic.report.diff_table import diff_json, print_comparison  # noqa: PLC0415
    from mapmedic.report.json_output import dump  # noqa: PLC0415

    with ProgressBar() as progress:
        comparison = api.diff(
            before, after, by_declared=by == "declared", seconds=seconds,
            limits=api.Limits(max_pause_ms=max_pause_ms), progress=progress,
        )  # fmt: skip
    if as_json:
        click.echo(dump(diff_json(comparison)))
    else:
        print_comparison(console(), comparison, limit)
