"""The HTML pages that --html writes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import mapmedic
from mapmedic.cli.output import say, write_text

if TYPE_CHECKING:
    from mapmedic.model.findings import Diagnosis
    from mapmedic.model.heap import HeapChange
    from mapmedic.model.observation import Observation
    from mapmedic.model.remedy import FixPlan, Outcome, Proof
    from mapmedic.model.units import UnixNanoseconds


def write_report(
    path: Path, diagnosis: Diagnosis, observation: Observation, change: HeapChange | None, *, force: bool
) -> None:
    """Write the page about a diagnosis to ``path`` and say so."""
    from mapmedic.model.report import Report  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.html import render_html  # noqa: PLC0415

    title = f"Diagnosis of {observation.target}"
    report = Report(title, mapmedic.__version__, _now(), diagnosis, observation, change=change)
    write_text(path, render_html(report), force=force)
    say(f"report: {path}")


def write_plan_report(path: Path, plan: FixPlan, *, force: bool) -> None:
    """Write the page about a fix that was only planned to ``path`` and say so."""
    from mapmedic.model.remedy import Outcome  # noqa: PLC0415 - imported late so that --help stays quick

    outcome = Outcome(plan, False, None, None, None, None, None, None, None)
    write_fix_report(path, f"Plan for {plan.map}", None, outcome=outcome, force=force)


def write_fix_report(
    path: Path, title: str, proof: Proof | None, *, outcome: Outcome | None = None,
    before: Observation | None = None, after: Observation | None = None, force: bool,
) -> None:  # fmt: skip
    """Write the page about a fix, or about two captures compared, to ``path`` and say so."""
    from mapmedic.model.report import FixReport  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.html import render_fix  # noqa: PLC0415

    target = outcome.plan.target if outcome else after.target if after else ""
    report = FixReport(title, mapmedic.__version__, _now(), target, proof, outcome, before, after)
    write_text(path, render_fix(report), force=force)
    say(f"report: {path}")


def _now() -> UnixNanoseconds:
    from mapmedic.model.units import UnixNanoseconds  # noqa: PLC0415 - as above

    return UnixNanoseconds(time.time_ns())
