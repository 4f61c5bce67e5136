"""What hotfix prints: a plan, or what was done, for people or as JSON, and as an HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mapmedic.cli.output import console
from mapmedic.cli.report_file import write_fix_report, write_plan_report
from mapmedic.errors import ProofFailed

if TYPE_CHECKING:
    from mapmedic.model.remedy import FixPlan, Outcome


@dataclass(frozen=True, slots=True)
class Pages:
    """Where what is to be told goes. ``more``: options for the command that is offered, beside those of the plan."""

    html: Path | None
    force: bool
    as_json: bool
    more: tuple[str, ...] = ()

    def announce(self, plan: FixPlan, *, offer: bool) -> None:
        """Print ``plan`` for people; ``offer`` the command that carries it out."""
        if self.as_json:
            return
        from mapmedic.report.terminal import print_plan  # noqa: PLC0415 - rich is not needed for --json

        print_plan(console(), plan, offer=offer, more=self.more)

    def planned(self, plan: FixPlan) -> int:
        """Tell of ``plan``, which was only planned, beside what was announced; return the exit code."""
        from mapmedic.report.json_output import dump, plan_json  # noqa: PLC0415 - as above

        if self.html is not None:
            write_plan_report(self.html, plan, force=self.force)
        if self.as_json:
            click.echo(dump(plan_json(plan)))
        return 0

    def applied(self, outcome: Outcome) -> int:
        """Tell of ``outcome``; return the exit code."""
        if self.as_json:
            from mapmedic.report.json_output import dump, outcome_json  # noqa: PLC0415 - as above

            click.echo(dump(outcome_json(outcome)))
        else:
            from mapmedic.report.terminal import print_outcome  # noqa: PLC0415 - as above

            page = console()
            page.print()
            print_outcome(page, outcome)
        if self.html is not None:  # last: a disk that is full now must not hide what was done
            title = f"Fix of {outcome.plan.map}"
            write_fix_report(self.html, title, outcome.proof, outcome=outcome, force=self.force)
        passed = outcome.proof is not None and outcome.proof.passed
        return 0 if passed else ProofFailed.exit_code
