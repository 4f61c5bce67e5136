"""mapmedic hotfix TARGET --map NAME."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mapmedic.cli.connection import connection_options
from mapmedic.cli.options import (
    Duration,
    examples,
    force_option,
    html_option,
    json_option,
    read_token,
    token_option,
)
from mapmedic.cli.output import ProgressBar, console, require_writable
from mapmedic.cli.proof_options import ProofWish, proof_options
from mapmedic.cli.report_file import write_fix_report, write_plan_report
from mapmedic.errors import ProofFailed, UsageError
from mapmedic.model.connection import Connection

if TYPE_CHECKING:
    from mapmedic.model.remedy import FixPlan, Outcome


@click.command(
    "hotfix",
    epilog=examples(
        "hotfix http://10.1.2.3:6060 --map sessions",
        "hotfix http://10.1.2.3:6060 --map sessions --apply --html fix.html",
        "hotfix http://10.1.2.3:6060 --map sessions --strategy evict --where 'value.LastSeen older_than 24h'",
    ),
)
@click.argument("target")
@click.option(
    "--map", "name", required=True, help="The map, by the name it is registered under (or its ending)."
)
@click.option(
    "--strategy",
    default="swap",
    show_default=True,
    type=click.Choice(["swap", "shrink", "clear", "delete", "evict"]),
    help="swap: an empty map takes its place; shrink: rebuild it for what is in it; clear, delete: take out all, keep "
    "the buckets; evict: take out what fits --where.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COND",
    help="With evict, all must hold: 'key prefix tenant-7:', 'value.TenantID equals x', "
    "'value.LastSeen older_than 24h', 'value.ExpiresAt expired'; also glob, regex.",
)
@click.option(
    "--max-lock-hold",
    type=click.IntRange(1, 1000),
    metavar="MS",
    help="For shrink and clear, which copy the map in one hold of its lock: give up beyond this (25).",
)
@click.option("--apply", "apply_it", is_flag=True, help="Do it. Without this, only the plan is shown.")
@click.option(
    "--hold",
    type=click.IntRange(1, 600),
    help="Seconds after which the agent puts everything back by itself if we are gone; by default 60, more "
    "where the backup may take longer.",
)
@click.option(
    "--backup",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the entries are saved before they are dropped; by default beside the journal.",
)
@click.option(
    "--no-backup", is_flag=True, help="Drop the entries without saving them: nothing can be restored."
)
@click.option("--keep-memory", is_flag=True, help="Leave the freed memory to Go's own scavenger.")
@click.option(
    "--expect-drop",
    type=click.FloatRange(0.01, 0.99),
    help="The share by which RSS and heap must fall for the proof; by default 0.4 of what leaves the map.",
)
@click.option("--within", type=Duration(), default="30s", show_default=True, help="The time they may take.")
@click.option(
    "--health-url",
    "health_urls",
    multiple=True,
    metavar="URL",
    help="Ask this through the fix, five times a second: three bad answers in a row before the entries are dropped "
    "put everything back. May be given several times.",
)
@click.option(
    "--health-latency",
    type=Duration(),
    metavar="TIME",
    help="An answer slower than this is bad; by default three times the slowest of ten before, at least 250 ms more.",
)
@click.option("--journal", type=click.Path(file_okay=False, path_type=Path), help="Folder for the journal.")
@proof_options
@token_option
@connection_options
@html_option
@force_option
@json_option
def command(
    target: str, name: str, strategy: str, conditions: tuple[str, ...], max_lock_hold: int | None,
    apply_it: bool, hold: int | None, backup: Path | None, no_backup: bool, keep_memory: bool,
    expect_drop: float | None, within: float, health_urls: tuple[str, ...], health_latency: float | None,
    journal: Path | None, token_file: Path | None,
    connection: Connection, wish: ProofWish, html: Path | None, force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show the plan for emptying a map in a running service; with --apply, do it and prove it.

    Works through the mapmedic agent in the service. Exit code 4: refused, nothing touched. 5: done, but the
    figures do not show that it helped.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick

    _require_sense(health_urls, backup, no_backup=no_backup)
    if html is not None:
        require_writable(html, force=force)
    token = read_token(token_file)
    where = tuple(api.parse_condition(text) for text in conditions)
    request = api.FixRequest(
        name, strategy, hold, not keep_memory, where, max_lock_hold, not no_backup, backup, journal
    )
    plan = api.plan_fix(target, request, token, connection)
    if not as_json:
        _print_plan(plan, offer=not apply_it)
    if not apply_it:
        return _planned(plan, html, force=force, as_json=as_json)
    criteria = replace(
        api.criteria_for(plan, expect_drop, within), gc_pause_ms=wish.max_gc_pause_ms, near_baseline=wish.near
    )
    baseline = api.observe([str(wish.baseline)], api.CapturePlan()) if wish.baseline else None
    bars = api.HealthBars(max_latency_ms=health_latency and health_latency * 1e3)
    with ProgressBar() as progress:
        outcome = api.apply_fix(
            plan, token, connection, criteria=criteria, journal_folder=journal, progress=progress,
            baseline=baseline, gc_log=wish.gc_log, health_urls=health_urls, health_bars=bars,
        )  # fmt: skip
    return _applied(outcome, html, force=force, as_json=as_json)


def _require_sense(health_urls: tuple[str, ...], backup: Path | None, *, no_backup: bool) -> None:
    for url in health_urls:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--health-url {url!r} does not begin with http:// or https://")
    if backup and no_backup:
        raise UsageError("--backup and --no-backup exclude each other")
    if backup:
        require_writable(backup, force=False)


def _print_plan(plan: FixPlan, *, offer: bool) -> None:
    from mapmedic.report.terminal import print_plan  # noqa: PLC0415 - rich is not needed for --json

    print_plan(console(), plan, offer=offer)


def _planned(plan: FixPlan, html: Path | None, *, force: bool, as_json: bool) -> int:
    from mapmedic.report.json_output import dump, plan_json  # noqa: PLC0415 - as above

    if html is not None:
        write_plan_report(html, plan, force=force)
    if as_json:
        click.echo(dump(plan_json(plan)))
    return 0


def _applied(outcome: Outcome, html: Path | None, *, force: bool, as_json: bool) -> int:
    if as_json:
        from mapmedic.report.json_output import dump, outcome_json  # noqa: PLC0415 - as above

        click.echo(dump(outcome_json(outcome)))
    else:
        from mapmedic.report.terminal import print_outcome  # noqa: PLC0415 - as above

        page = console()
        page.print()
        print_outcome(page, outcome)
    if html is not None:  # last: a disk that is full now must not hide what was done
        write_fix_report(html, f"Fix of {outcome.plan.map}", outcome.proof, outcome=outcome, force=force)
    passed = outcome.proof is not None and outcome.proof.passed
    return 0 if passed else ProofFailed.exit_code
