"""mapmedic hotfix URL: a service with the mapmedic agent in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapmedic import api
from mapmedic.cli.agent_options import AgentWish
from mapmedic.cli.hotfix_pages import Pages
from mapmedic.cli.output import ProgressBar
from mapmedic.cli.outside_fix import Ask
from mapmedic.cli.outside_options import refuse_process_options
from mapmedic.cli.proof_options import ProofWish
from mapmedic.model.connection import Connection
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import FixPlan


@dataclass(frozen=True, slots=True)
class AgentAsk:
    """What the user asks for, in the terms of the api."""

    ask: Ask
    agent: AgentWish
    proof: ProofWish

    @property
    def request(self) -> api.FixRequest:
        """Return what is asked of the agent."""
        ask, agent = self.ask, self.agent
        return api.FixRequest(
            ask.what.name, ask.strategy or "swap", agent.hold_seconds, not ask.keep_memory, ask.where,
            agent.max_lock_hold_ms, not ask.no_backup, agent.backup, ask.journal,
        )  # fmt: skip

    def criteria(self, plan: FixPlan) -> api.Criteria:
        """Return the bars for ``plan``."""
        usual = api.criteria_for(plan, self.ask.expect_drop, self.ask.within_seconds)
        return replace(usual, gc_pause_ms=self.proof.max_gc_pause_ms, near_baseline=self.proof.near)

    @property
    def health_bars(self) -> api.HealthBars:
        """Return what is asked of the health URLs."""
        latency = self.agent.health_latency_seconds
        return api.HealthBars(max_latency_ms=latency and latency * 1e3)

    def baseline(self) -> Observation | None:
        """Look at the baseline, None where there is none."""
        return api.observe([str(self.proof.baseline)], api.CapturePlan()) if self.proof.baseline else None


def fix_by_agent(
    wanted: AgentAsk, token: str | None, connection: Connection, pages: Pages, *, apply_it: bool
) -> int:
    """Show the plan, with ``apply_it`` carry it out; return the exit code."""
    ask = wanted.ask
    refuse_process_options(ask.target)
    baseline = wanted.baseline()
    plan = api.plan_fix(ask.target, wanted.request, token, connection)
    pages.announce(plan, offer=not apply_it)
    if not apply_it:
        return pages.planned(plan)
    with ProgressBar() as progress:
        outcome = api.apply_fix(
            plan, token, connection, criteria=wanted.criteria(plan), journal_folder=ask.journal, progress=progress,
            baseline=baseline, gc_log=wanted.proof.gc_log, health_urls=wanted.agent.health_urls,
            health_bars=wanted.health_bars,
        )  # fmt: skip
    return pages.applied(outcome)
