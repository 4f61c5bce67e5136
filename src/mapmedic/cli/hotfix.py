"""mapmedic hotfix TARGET --map NAME."""

from __future__ import annotations

from pathlib import Path

import click

from mapmedic.cli.agent_options import AgentWish, agent_options
from mapmedic.cli.connection import connection_options
from mapmedic.cli.hotfix_pages import Pages
from mapmedic.cli.options import (
    Duration,
    examples,
    force_option,
    html_option,
    json_option,
    read_token,
    token_option,
)
from mapmedic.cli.output import require_writable
from mapmedic.cli.outside_options import (
    OutsideWish,
    outside_options,
    refuse_agent_options,
    refuse_map_options,
)
from mapmedic.cli.proof_options import ProofWish, proof_options
from mapmedic.cli.rollout_options import RingsWish, rollout_options
from mapmedic.cli.struct_options import What, of_fields, what_options
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection


@click.command(
    "hotfix",
    epilog=examples(
        "hotfix 1234 --map main.mgr.sessions",
        "hotfix 1234 --map main.mgr.sessions --apply",
        "hotfix 1234 --struct main.mgr --field sessions --field 'cache>10000' --apply",
        "hotfix 1234 --struct main.mgr --strategy evict --where 'sessions: value.LastSeen older_than 24h'",
        "hotfix 1234 --call main.hotfixClear",
        "hotfix http://10.1.2.3:6060 --map sessions",
        "hotfix http://10.1.2.3:6060 --map sessions --apply --html fix.html",
        "hotfix http://10.1.2.3:6060 --map sessions --strategy evict --where 'value.LastSeen older_than 24h'",
        "hotfix @pods.txt --map sessions --canary --bake 2m --health-url http://{host}:8080/healthz --apply",
    ),
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@what_options
@click.option(
    "--strategy",
    type=click.Choice(["swap", "shrink", "clear", "delete", "evict", "reset"]),
    help="reset, the default of a process: make the map's header that of an empty one. swap, the default of the agent: "
    "an empty map takes its place. clear: take out all, keep the buckets. evict: take out what fits --where. Of the "
    "agent only: delete, as clear one by one; shrink: rebuild it for what is in it.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COND",
    help="With evict, all must hold: 'key prefix tenant-7:', 'value.TenantID equals x', "
    "'value.LastSeen older_than 24h', 'value.ExpiresAt expired'; also glob, regex. With --struct of each of its maps "
    "that can be asked, or of one: 'sessions: key prefix tenant-7:'.",
)
@outside_options
@agent_options
@click.option("--apply", "apply_it", is_flag=True, help="Do it. Without this, only the plan is shown.")
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
@click.option("--journal", type=click.Path(file_okay=False, path_type=Path), help="Folder for the journal.")
@rollout_options
@proof_options
@token_option
@connection_options
@html_option
@force_option
@json_option
def command(
    targets: tuple[str, ...], what: What, strategy: str | None, conditions: tuple[str, ...], apply_it: bool,
    no_backup: bool, keep_memory: bool, expect_drop: float | None, within: float, journal: Path | None,
    token_file: Path | None, agent: AgentWish, outside: OutsideWish, rings: RingsWish, connection: Connection,
    wish: ProofWish, html: Path | None, force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show the plan for emptying a map in a running service; with --apply, do it and prove it.

    TARGET is a process on this machine (1234 or pid:1234), stripped or not, which needs neither agent nor endpoint; or
    the URL of a service with the mapmedic agent in it. Exit code 4: refused, nothing touched. 5: done, but the figures
    do not show that it helped.

    With several targets (or @FILE, @- for standard input: one a line, TARGET [HEALTH_URL...]) it goes in rings. A proof
    that fails, a service that turns bad, or an error in the middle of a fix ends it; a target that refuses or cannot be
    looked at is left out. The exit code is the worst of all.
    """
    from mapmedic import api  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.cli.agent_fix import AgentAsk, fix_by_agent  # noqa: PLC0415 - as above
    from mapmedic.cli.outside_fix import Ask, call_function, fix_outside  # noqa: PLC0415 - as above

    in_rings = rings.concerns(targets)
    if in_rings and what.calls:
        raise UsageError("--call is for one process at a time")
    agent.require_sense(no_backup=no_backup, in_rings=in_rings)
    if html is not None:
        require_writable(html, force=force)
    of_all, of_field = of_fields(what, conditions)
    where = tuple(map(api.parse_condition, of_all))
    field_where = tuple((name, api.parse_condition(text)) for name, text in of_field)
    ask = Ask(
        targets[0], what, strategy, where, field_where, outside, journal, no_backup, keep_memory, expect_drop, within
    )  # fmt: skip
    pages = Pages(html, force, as_json)
    if not in_rings and api.is_process(ask.target):
        refuse_agent_options(ask.target)
        if what.calls:
            refuse_map_options()
            return call_function(ask, pages, apply_it=apply_it)
        return fix_outside(ask, pages, apply_it=apply_it)
    token, wanted = read_token(token_file), AgentAsk(ask, agent, wish)
    if not in_rings:
        return fix_by_agent(wanted, token, connection, pages, apply_it=apply_it)
    from mapmedic.cli.rollout import Many, roll_out  # noqa: PLC0415 - as above

    _require_sense_of_many(agent.backup, html, wish)
    many = Many(
        targets, agent.health_urls, rings, ask, wanted.request, wanted.criteria, wanted.health_bars, wanted.baseline()
    )  # fmt: skip
    return roll_out(many, token, connection, apply_it=apply_it, as_json=as_json)


def _require_sense_of_many(backup: Path | None, html: Path | None, wish: ProofWish) -> None:
    of_one = {"--backup": backup, "--html": html, "--gctrace": wish.gc_log}
    for option, value in of_one.items():
        if value is not None:
            raise UsageError(f"{option} is one file for one target; it does not go with several")
