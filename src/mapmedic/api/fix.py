"""Fix a map through the agent: the plan, then the fix with journal and proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mapmedic.api.agent import with_agent
from mapmedic.api.look import read_gc_log
from mapmedic.api.proof import beside_service
from mapmedic.capture.agent import AgentLink
from mapmedic.capture.http import HttpClient
from mapmedic.capture.record import Progress
from mapmedic.errors import MapmedicError
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.health import HealthBars
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import FixPlan, Outcome
from mapmedic.remedy import apply as remedy_apply
from mapmedic.remedy import plan as remedy_plan
from mapmedic.remedy.health import HealthWatch
from mapmedic.remedy.journal import Journal, default_folder
from mapmedic.remedy.plan import FixRequest
from mapmedic.remedy.proof import Criteria
from mapmedic.remedy.uninterrupted import ProofCutShort


def plan_fix(target: str, request: FixRequest, token: str | None, connection: Connection = DIRECT) -> FixPlan:
    """Return what a fix would do, with its conditions measured now; nothing is changed."""
    return with_agent(target, token, connection, lambda link: remedy_plan.plan_fix(link, target, request))


def apply_fix(
    plan: FixPlan,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    criteria: Criteria | None = None,
    journal_folder: Path | None = None,
    progress: Progress | None = None,
    health_urls: Sequence[str] = (),
    health_bars: HealthBars | None = None,
    baseline: Observation | None = None,
    gc_log: Path | None = None,
) -> Outcome:
    """Carry out ``plan`` and return what it did, with its proof; journal first.

    PreflightFailed and the agent's refusals leave the target untouched. Where one of ``health_urls`` turns
    bad before the commit everything is put back: HealthTurnedBad. A failed proof is in the
    outcome, not an error: the fix was applied.
    """
    journal = Journal(journal_folder or default_folder(), plan.map)
    bars, tell = criteria or Criteria(), progress or (lambda _what, _share: None)
    beside = beside_service(baseline, (lambda: read_gc_log(gc_log)) if gc_log else None)

    async def work(link: AgentLink) -> Outcome:
        # A client of its own: what opens the service's endpoints must not go to whoever answers for its health.
        async with HttpClient(connection=replace(connection, authorization=None)) as client:
            watch = HealthWatch(client, health_urls, health_bars or HealthBars())
            return await remedy_apply.apply_fix(link, plan, journal, bars, tell, watch, beside)

    try:
        return with_agent(plan.target, token, connection, work)
    except KeyboardInterrupt as stop:
        if "committed" in journal.written:
            made = ProofCutShort()
            made.add_note(f"how far the fix came is in {journal.path}")
            made.add_note(
                "the map was changed, the entries are gone; whether memory came back was not waited for"
            )
            raise made from stop
        stop.add_note(f"how far the fix came is in {journal.path}")
        stop.add_note(
            f"what was not committed the agent puts back within {plan.hold_seconds} s; then plan again"
        )
        raise
    except MapmedicError as error:
        error.journal_path = str(journal.path)
        raise
    finally:
        journal.close()
