"""mapmedic demo."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mapmedic.cli.options import Duration, examples, force_option, json_option
from mapmedic.cli.output import ProgressBar, console, require_writable, say, write_text
from mapmedic.errors import ProofFailed

if TYPE_CHECKING:
    from rich.console import Console

    from mapmedic.model.findings import Diagnosis
    from mapmedic.model.observation import Observation
    from mapmedic.model.remedy import FixPlan, Outcome


@click.command("demo", epilog=examples("demo", "demo --no-agent", "demo --for 30s --rate 8000 -o demo.html"))
@click.option(
    "--no-agent",
    is_flag=True,
    help="The second act: the service is stripped and has neither agent nor endpoint; it is fixed from outside.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The HTML report to write.")
@click.option(
    "--for", "seconds", type=Duration(), default="15s", show_default=True, help="How long to watch the leak."
)
@click.option("--entries", type=click.IntRange(1_000, 2_000_000), default=60_000, show_default=True,
              help="Sessions in the map when the service starts.")  # fmt: skip
@click.option("--rate", type=click.IntRange(100, 100_000), default=4_000, show_default=True,
              help="Sessions it leaks per second.")  # fmt: skip
@force_option
@json_option
def command(
    no_agent: bool, output: Path | None, seconds: float, entries: int, rate: int, force: bool, as_json: bool
) -> int:
    """Find, fix and prove one real leak in a Go service that this command builds and starts.

    Takes about a minute. Needs the git checkout and Go 1.21 or newer (`make env` fetches one).
    """
    from mapmedic.demo.outside_story import run_outside_demo  # noqa: PLC0415 - late, so that --help stays quick
    from mapmedic.demo.service import Scenario  # noqa: PLC0415
    from mapmedic.demo.story import DemoOptions, run_demo  # noqa: PLC0415
    from mapmedic.report.html import render_html  # noqa: PLC0415
    from mapmedic.report.json_output import demo_json, dump  # noqa: PLC0415

    path = output or Path(time.strftime("mapmedic-demo-%Y%m%dT%H%M%S.html"))
    require_writable(path, force=force)
    narrator = _Narrator(quiet=as_json)
    if no_agent:
        report = run_outside_demo(DemoOptions(Scenario(None, entries, rate), seconds), narrator)
    else:
        report = run_demo(DemoOptions(Scenario(entries=entries, rate=rate), seconds), narrator)
    narrator.close()
    write_text(path, render_html(report), force=force)
    say(f"Report: {path.resolve()}")
    if as_json:
        where = str(path.resolve())
        told = demo_json(report.diagnosis, report.outcome, report.requests, where, report.service)
        click.echo(dump(told))
    outcome, requests = report.outcome, report.requests
    proved = outcome is not None and outcome.proof is not None and outcome.proof.passed
    unharmed = requests is not None and requests.failed == 0
    return 0 if proved and unharmed else ProofFailed.exit_code


@dataclass
class _Narrator:
    """Tells the demo on the terminal; with --json the tables stay away and the sentences go to stderr."""

    quiet: bool
    _bar: ProgressBar = field(default_factory=ProgressBar)

    def say(self, text: str) -> None:
        self._next_act()
        say(text)

    def progress(self, what: str, share: float) -> None:
        self._bar(what, share)

    def diagnosed(self, diagnosis: Diagnosis, observation: Observation) -> None:
        from mapmedic.report.heap_table import print_inside  # noqa: PLC0415 - rich, late
        from mapmedic.report.terminal import print_diagnosis  # noqa: PLC0415 - rich, late

        self._next_act()
        page = self._page()
        print_diagnosis(page, diagnosis, observation.timeline)
        print_inside(page, observation)

    def planned(self, plan: FixPlan) -> None:
        from mapmedic.report.terminal import print_plan  # noqa: PLC0415 - rich, late

        print_plan(self._page(), plan, offer=False)
        say("Applying it, with no restart, while requests go on …")

    def fixed(self, outcome: Outcome) -> None:
        from mapmedic.report.terminal import print_outcome  # noqa: PLC0415 - rich, late

        self._next_act()
        print_outcome(self._page(), outcome, offer=False)

    def close(self) -> None:
        self._bar.__exit__(None, None, None)

    def _page(self) -> Console:
        page = console(stderr=self.quiet)
        page.print()
        return page

    def _next_act(self) -> None:
        self.close()
        self._bar = ProgressBar()
