"""A service that turns bad in the middle of a fix gets everything back; one that does so later is told of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mapmedic.capture.http import HttpClient
from mapmedic.errors import HealthTurnedBad, PreflightFailed
from mapmedic.model.health import HealthBars
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Outcome
from mapmedic.remedy import apply, health
from mapmedic.remedy.health import HealthWatch
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.proof import Criteria
from tests.support.scripted_server import Line, Request, Script, ScriptedServer, answers, hangs
from tests.unit.remedy.agents import Agent, backup_plan, plan
from tests.unit.remedy.test_apply import events

OK, BROKEN = answers(b"ok"), answers(b"oh", 503)
# Long enough for a machine that does other things: only who never answers is waited for.
BARS = HealthBars(every_seconds=0.01, baseline_probes=3, timeout_seconds=30.0)
AFTERWARDS = 12


@dataclass
class Clock:
    """What probes are timed by: it goes on by what an answer is said to take, and by nothing else."""

    seconds: float = 0.0

    def perf_counter(self) -> float:
        return self.seconds

    def slow(self, seconds: float) -> Script:
        def script(request: Request, line: Line) -> None:
            self.seconds += seconds
            OK(request, line)

        return script


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(apply, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(apply, "_LINGER_SECONDS", 0.0)
    clock = Clock()
    monkeypatch.setattr(health, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


@dataclass
class _Watched(Agent):
    """Shows its memory behind the commit only once the service has answered a dozen probes there."""

    server: ScriptedServer | None = None

    async def memory(self) -> MemoryPoint:
        point = await super().memory()
        if self.state == "committed" and self.server is not None:
            enough = len(self.server.requests) + AFTERWARDS
            while len(self.server.requests) < enough:  # noqa: ASYNC110 - it answers in a thread of its own
                await asyncio.sleep(0.002)
        return point


class _SlowAgent(Agent):
    """Stays long enough in one call for the watch to notice."""

    lingers_in = "stream"

    async def stream_entries(self, *words: Any, **more: Any) -> Any:
        if self.lingers_in == "stream":
            await asyncio.sleep(30)
        return await super().stream_entries(*words, **more)

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await super().call(method, path, body)
        if path.endswith(self.lingers_in):
            await asyncio.sleep(30 if self.lingers_in == "operations" and method == "POST" else 0)
        return answer


def fix(agent: Agent, folder: Path, server: ScriptedServer, bars: HealthBars = BARS) -> Outcome:
    journal = Journal(folder, "m")

    async def run() -> Outcome:
        async with HttpClient() as client:
            watch = HealthWatch(client, (f"{server.url}/h",), bars)
            wish = plan(backup=backup_plan())
            criteria = Criteria(within_seconds=60.0)
            return await apply.apply_fix(agent.link, wish, journal, criteria, lambda *_: None, watch)

    try:
        return asyncio.run(run())
    finally:
        journal.close()


def turns(server: ScriptedServer, to: Script, when: Callable[[str], bool]) -> Callable[[str], None]:
    def on_call(name: str) -> None:
        if when(name):
            server.scripts["/h"] = to

    return on_call


@pytest.mark.parametrize(
    ("bad", "why"),
    [("broken", "HTTP 503, not 200"), ("slow", "300 ms, more than 150"), ("hangs", "within 1 s")],
)
@pytest.mark.parametrize("lingers_in", ["stream", "operations"])
def test_bad_before_the_commit_puts_everything_back(
    tmp_path: Path, clock: Clock, lingers_in: str, bad: str, why: str
) -> None:
    scripts = {"broken": BROKEN, "slow": clock.slow(0.3), "hangs": hangs}
    bars = replace(BARS, timeout_seconds=1.0 if bad == "hangs" else 30.0, max_latency_ms=150)
    with ScriptedServer({"/h": OK}) as server:
        agent = _SlowAgent()
        agent.lingers_in = lingers_in
        agent.on_call = turns(server, scripts[bad], lambda name: name == "detach")
        with pytest.raises(HealthTurnedBad, match=why):
            fix(agent, tmp_path, server, bars)
    assert agent.state == "undone"
    assert "commit" not in agent.asked
    assert events(tmp_path)[-1] == "undone"
    assert list(tmp_path.glob("*.partial")) == list(tmp_path.glob("*.backup")) == []


def test_bad_after_the_commit_fails_the_proof_and_is_told(tmp_path: Path) -> None:
    with ScriptedServer({"/h": OK}) as server:
        agent = _Watched(server=server)
        agent.on_call = turns(server, BROKEN, lambda _: agent.state == "committed")
        outcome = fix(agent, tmp_path, server)
    (seen,) = outcome.health
    assert not seen.well and seen.unwell is not None and "503" in seen.unwell
    assert seen.after.failed >= 3 and seen.before.failed == 0
    assert outcome.proof is not None and not outcome.proof.passed
    assert not outcome.proof.checks[-1].passed and "503" in outcome.proof.checks[-1].why


def test_a_healthy_service_is_shown_with_its_figures(tmp_path: Path) -> None:
    with ScriptedServer({"/h": OK}) as server:
        outcome = fix(_Watched(server=server), tmp_path, server)
    (seen,) = outcome.health
    assert seen.well and seen.status == 200
    assert seen.before.probes == 3 and seen.after.probes > 3
    assert seen.before.p95_ms is not None and seen.bar_ms is not None
    assert seen.bar_ms >= seen.before.p95_ms + 249
    assert outcome.proof is not None and outcome.proof.passed


def test_one_bad_answer_is_no_reason(tmp_path: Path) -> None:
    with ScriptedServer({"/h": OK}) as server:
        calls = iter(range(10_000))

        def every_third_fails(request: Request, line: Line) -> None:
            (BROKEN if next(calls) % 3 == 2 else OK)(request, line)

        agent = _Watched(server=server)
        agent.on_call = turns(server, every_third_fails, lambda name: name == "commit")
        outcome = fix(agent, tmp_path, server)
    assert outcome.applied and outcome.health[0].well
    assert outcome.health[0].after.failed > 0
    assert outcome.proof is not None and not outcome.proof.checks[-1].passed, "but the proof says so"


def test_every_other_answer_slow_fails_the_proof_though_no_row_of_three_is(
    tmp_path: Path, clock: Clock
) -> None:
    with ScriptedServer({"/h": OK}) as server:
        calls = iter(range(10_000))

        def every_other_is_slow(request: Request, line: Line) -> None:
            (clock.slow(0.06) if next(calls) % 2 else OK)(request, line)

        agent = _Watched(server=server)
        agent.on_call = turns(server, every_other_is_slow, lambda _: agent.state == "committed")
        outcome = fix(agent, tmp_path, server, replace(BARS, max_latency_ms=50))
    (seen,) = outcome.health
    assert seen.after.slow >= 3 and seen.after.failed == 0
    assert outcome.proof is not None and not outcome.proof.passed
    assert "were slow" in outcome.proof.checks[-1].why or seen.unwell


@pytest.mark.parametrize("bad", [BROKEN, hangs])
def test_a_service_that_is_unwell_before_is_left_alone(tmp_path: Path, bad: Script) -> None:
    agent = Agent()
    with (
        ScriptedServer({"/h": bad}) as server,
        pytest.raises(PreflightFailed, match="before anything was done"),
    ):
        fix(agent, tmp_path, server, replace(BARS, timeout_seconds=0.3))
    assert agent.state == "untouched" and agent.asked == []


def test_a_page_that_answers_404_before_and_after_is_as_it_was(tmp_path: Path) -> None:
    with ScriptedServer({}) as server:
        outcome = fix(Agent(), tmp_path, server)
    assert outcome.health[0].status == 404 and outcome.health[0].well
