"""Watch what has been fixed for a while before the next ring: how it answers, and that it is still the same process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

from mapmedic.capture.agent import API, AgentLink
from mapmedic.capture.http import HttpClient
from mapmedic.errors import ProcessUnreadable, UnexpectedAnswer
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.model.health import HealthBars, UrlHealth
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.health import HealthWatch

# All URLs together are asked no more often than this.
_MOST_PROBES_PER_SECOND = 50
_LOOK_SECONDS = 0.2
# proc(5): a zombie, dead.
_ENDED = "ZX"
# Two clocks, and an answer that took its time.
_SLACK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Life:
    """Which process a target is: what it says of itself, and for how long it has run when it was asked.

    ``uptime_seconds`` is None where ``process`` alone tells one from another.
    """

    process: str
    uptime_seconds: float | None = None
    asked_at: float = 0.0

    def goes_on_in(self, later: Life) -> bool:
        """Tell whether ``later`` is the same process."""
        if self.uptime_seconds is None or later.uptime_seconds is None:
            return self.process == later.process
        lived = later.uptime_seconds - self.uptime_seconds
        return self.process == later.process and lived >= later.asked_at - self.asked_at - _SLACK_SECONDS


async def agents_life(link: AgentLink) -> Life:
    """Return which process the agent is in; errors as ``AgentLink.call`` has them."""
    stats = await link.call("GET", f"{API}/stats")
    uptime = stats.get("uptime_seconds")
    if isinstance(uptime, bool) or not isinstance(uptime, int | float):
        raise UnexpectedAnswer(f"{link.base_url}{API}/stats", "without how long the process has run")
    return Life(f"process {stats.get('pid')}", float(uptime), time.monotonic())


def life_of_process(pid: int) -> Life:
    """Return which process ``pid`` is; ProcessUnreadable where there is none, or it has ended."""
    if read_facts(pid).state in _ENDED:
        raise ProcessUnreadable(pid, "it has ended", "ended")
    return Life(f"{boot_id()} {pid} {started_ticks(pid)}")


async def usual_health(client: HttpClient, urls: Sequence[str], bars: HealthBars) -> tuple[UrlHealth, ...]:
    """Return how ``urls`` answer before a fix; UnwellBefore where one answers badly."""
    async with HealthWatch(client, urls, bars) as watch:
        return watch.health()


async def bake(
    client: HttpClient,
    known: Sequence[UrlHealth],
    bars: HealthBars,
    seconds: float,
    stop: Event,
    progress: Callable[[str, float], None],
) -> tuple[UrlHealth, ...]:
    """Ask the URLs of ``known`` for ``seconds``, until ``stop`` is set or one is unwell; return how they answered."""
    urls = tuple(dict.fromkeys(each.url for each in known))
    every = max(bars.every_seconds, len(urls) / _MOST_PROBES_PER_SECOND)
    began = time.monotonic()
    async with HealthWatch(client, urls, replace(bars, every_seconds=every), known) as watch:
        watch.committed()
        while (
            (elapsed := time.monotonic() - began) < seconds and not stop.is_set() and not watch.complaints()
        ):
            progress("watching what was fixed", elapsed / seconds)
            await asyncio.sleep(min(_LOOK_SECONDS, seconds - elapsed))
        first = {each.url: each.before for each in reversed(known)}
        return tuple(replace(each, before=first[each.url]) for each in watch.health())
