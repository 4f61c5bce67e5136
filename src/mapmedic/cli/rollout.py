"""hotfix with several targets: in rings, with a line for each target as it ends and a table at the end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from threading import Event
from types import FrameType

import click

from mapmedic import api
from mapmedic.cli.output import ProgressBar, console, say
from mapmedic.cli.outside_fix import Ask, outside_request
from mapmedic.cli.outside_options import refuse_agent_options, refuse_process_options
from mapmedic.cli.rollout_options import RingsWish, named_in
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import FixPlan
from mapmedic.model.rollout import Rollout, TargetResult
from mapmedic.report.json_output import dump
from mapmedic.report.rollout import print_rollout, rollout_json, state_result


@dataclass(frozen=True, slots=True)
class Many:
    """What the user asks for: ``ask`` holds for processes, ``fix`` and what follows for agents."""

    targets: tuple[str, ...]
    health_urls: tuple[str, ...]
    rings: RingsWish
    ask: Ask
    fix: api.FixRequest
    criteria: Callable[[FixPlan], api.Criteria]
    health_bars: api.HealthBars
    baseline: Observation | None


def roll_out(many: Many, token: str | None, connection: Connection, *, apply_it: bool, as_json: bool) -> int:
    """Plan or do it, print what became of it, and return the exit code: the worst of all targets."""
    request = _request(many)
    # A plan changes nothing: the first Ctrl-C ends it.
    with ProgressBar() as progress, _stop_wish() if apply_it else nullcontext(Event()) as stop:
        listener = api.Listener(progress, lambda result: _told(progress, result), stop)
        do = api.apply_rollout if apply_it else api.plan_rollout
        done = do(request, token, connection, listener=listener)
    _print(done, as_json=as_json)
    return done.exit_code


def _request(many: Many) -> api.RolloutRequest:
    targets = api.parse_targets(named_in(many.targets), many.health_urls)
    processes = [each.target for each in targets if api.is_process(each.target)]
    # With targets of both kinds each takes the options that are for it.
    if len(processes) == len(targets):
        refuse_agent_options(processes[0], but=("health_urls", "health_latency"))
    if not processes:
        refuse_process_options(targets[0].target)
    wish = many.ask.wish
    if wish.reviewed is not None:
        raise UsageError("--plan is the plan of one process; it does not go with several, or with rings")
    if wish.redact and len(processes) < len(targets):
        raise UsageError(
            "--redact is for processes without an agent: the backup of an agent has keys and values as they are "
            "(--no-backup keeps none); not all of the targets are processes"
        )
    if many.ask.what.fields is not None and len(processes) < len(targets):
        raise UsageError("--struct is for processes without an agent; not all of the targets are")
    strategy = many.ask.strategy or ("reset" if len(processes) == len(targets) else "swap")
    return api.RolloutRequest(
        targets=targets,
        sizes=api.parse_rings(many.rings.sizes or ""),
        fix=replace(many.fix, strategy=strategy),
        outside=outside_request(many.ask) if processes else None,
        bake_seconds=many.rings.bake_seconds,
        criteria=many.criteria,
        drop=many.ask.expect_drop,
        within_seconds=many.ask.within_seconds,
        health_bars=many.health_bars,
        baseline=many.baseline,
        resume=many.rings.resume,
    )


def _told(progress: ProgressBar, result: TargetResult) -> None:
    progress.pause()
    say(state_result(result))


def _print(done: Rollout, *, as_json: bool) -> None:
    if as_json:
        click.echo(dump(rollout_json(done)))
    else:
        print_rollout(console(), done)


@contextmanager
def _stop_wish() -> Iterator[Event]:
    """Yield what the first Ctrl-C sets; the second interrupts what is under way."""
    wish = Event()

    def wished(number: int, frame: FrameType | None) -> None:
        if wish.is_set():
            signal.default_int_handler(number, frame)
        wish.set()
        say("stopping before the next target; once more interrupts the one under way")

    before = signal.signal(signal.SIGINT, wished)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)
