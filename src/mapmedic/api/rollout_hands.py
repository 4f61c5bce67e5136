"""What a roll-out does to one target: exactly what a single fix does, by the agent or from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, TypeVar

from mapmedic.api.agent import with_agent
from mapmedic.api.fix import apply_fix, plan_fix
from mapmedic.api.outside import apply_outside, is_process, plan_outside
from mapmedic.api.rollout_request import RolloutRequest
from mapmedic.capture.http import HttpClient
from mapmedic.capture.inventory import process_id
from mapmedic.capture.targets import parse_target
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection
from mapmedic.model.health import UrlHealth
from mapmedic.model.remedy import FixPlan, Outcome
from mapmedic.model.rollout import RolloutTarget
from mapmedic.remedy.outside.plan import PreparedFix
from mapmedic.remedy.rollout.bake import Life, agents_life, bake, life_of_process, usual_health
from mapmedic.remedy.rollout.run import Prepared, Progress

Result = TypeVar("Result")
# After a fix from outside, which has no answer of the service in it: enough for three bad ones in a row.
_LOOK_AFTER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Hands:
    """The functions of a single fix, for one target of many."""

    request: RolloutRequest
    token: str | None
    connection: Connection

    def prepare(self, target: RolloutTarget) -> Prepared:
        """Return what would be done; nothing is changed."""
        if not is_process(target.target):
            plan = plan_fix(target.target, self.request.fix, self.token, self.connection)
            return Prepared(plan, lambda progress: self._apply(target, plan, progress))
        if self.request.outside is None:
            raise UsageError(f"{target.target} is a process, and nothing says what is to be done to one")
        fix = plan_outside(target.target, self.request.outside)
        return Prepared(fix.plan, lambda progress: self._apply_outside(target, fix, progress))

    def _apply(self, target: RolloutTarget, plan: FixPlan, progress: Progress) -> Outcome:
        return apply_fix(
            plan, self.token, self.connection, criteria=self.request.criteria(plan),
            journal_folder=self.request.fix.journal_folder, progress=progress, health_urls=target.health_urls,
            health_bars=self.request.health_bars, baseline=self.request.baseline,
        )  # fmt: skip

    def _apply_outside(self, target: RolloutTarget, fix: PreparedFix, progress: Progress) -> Outcome:
        """Ask the health URLs before it: what is emptied from outside cannot be put back meanwhile."""
        bars = self.request.health_bars
        before = self._asking(lambda client: usual_health(client, target.health_urls, bars))
        outcome = apply_outside(
            fix, drop=self.request.drop, within_seconds=self.request.within_seconds, progress=progress,
        )  # fmt: skip
        return replace(outcome, health=before)

    def look_after(self, target: RolloutTarget, outcome: Outcome, progress: Progress) -> Outcome:
        """Ask the health URLs after a fix from outside; an agent's fix has asked them all along."""
        if not is_process(target.target):
            return outcome
        return replace(outcome, health=self.bake(outcome.health, _LOOK_AFTER_SECONDS, Event(), progress))

    def life(self, target: RolloutTarget) -> Life:
        """Return which process it is."""
        if is_process(target.target):
            return life_of_process(process_id(parse_target(target.target)))
        return with_agent(target.target, self.token, self.connection, agents_life)

    def bake(
        self, known: Sequence[UrlHealth], seconds: float, stop: Event, progress: Progress
    ) -> tuple[UrlHealth, ...]:
        """Watch for a while what was fixed, by the URLs of ``known``; return how they answered."""
        bars = self.request.health_bars
        return self._asking(lambda client: bake(client, known, bars, seconds, stop, progress))

    def _asking(self, work: Callable[[HttpClient], Coroutine[Any, Any, Result]]) -> Result:
        async def run() -> Result:
            # What opens a service's endpoints must not go to whoever answers for its health.
            async with HttpClient(connection=replace(self.connection, authorization=None)) as client:
                return await work(client)

        return asyncio.run(run())
