"""The demo, act by act; whoever tells it hands in how."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import mapmedic
from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab, lab_source
from mapmedic.demo.traffic import Traffic
from mapmedic.errors import CouldNotLook
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import FixPlan, Outcome
from mapmedic.model.report import Report, Requests, Service
from mapmedic.model.units import UnixNanoseconds


class Narrator(Protocol):
    """Tells the story as it happens."""

    def say(self, text: str) -> None:
        """Say one sentence."""

    def progress(self, what: str, share: float) -> None:
        """Show how far the present act is."""

    def diagnosed(self, diagnosis: Diagnosis, observation: Observation) -> None:
        """Show the diagnosis and the memory it rests on."""

    def planned(self, plan: FixPlan) -> None:
        """Show the plan."""

    def fixed(self, outcome: Outcome) -> None:
        """Show the outcome and its proof."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How the demo runs; ``watch_seconds`` is how long the leak is watched before the verdict."""

    scenario: Scenario = field(default_factory=Scenario)
    watch_seconds: float = 15.0
    journal_folder: Path | None = None


def run_demo(options: DemoOptions, narrator: Narrator) -> Report:
    """Build, start, watch, diagnose, fix and prove; return what the report shows.

    CouldNotLook where the diagnosis is not the leak that is there: the demo then has nothing to fix.
    """
    narrator.say("Building a real Go service that leaks (lab/struct_field.go) …")
    binary, go_version = build_lab()
    with ExitStack() as stack:
        service = stack.enter_context(LabService(binary, options.scenario))
        traffic = stack.enter_context(Traffic(service.url))
        narrator.say(
            f"Built with {go_version}. It runs as process {service.pid} at {service.url}, with traffic on it."
        )
        observation = _watch(service, options, narrator)
        diagnosis = api.diagnose(observation, source=lab_source())
        narrator.diagnosed(diagnosis, observation)
        outcome = _fix(service, diagnosis, traffic, options, narrator)
        after = api.observe([service.url], api.CapturePlan(force_gc=True, agent_token=service.token))
        requests = traffic.stop()
    narrator.say(traffic_words(requests))
    shown = Service(go_version, is_stripped=False, has_agent=True)
    return Told(diagnosis, observation, outcome, after, requests, shown).report(
        "mapmedic demo: a leak found, fixed and proved"
    )


def _watch(service: LabService, options: DemoOptions, narrator: Narrator) -> Observation:
    narrator.say(
        f"Watching it for {options.watch_seconds:.0f} s: over HTTP (net/http/pprof and /metrics), and from outside, "
        "its memory …"
    )
    plan = api.CapturePlan(options.watch_seconds, force_gc=True, agent_token=service.token)
    if sys.platform != "linux":
        return api.observe([service.url], plan, progress=narrator.progress)
    observation = api.observe([f"pid:{service.pid}", service.url], plan, progress=narrator.progress)
    why = next((blank.why for blank in observation.not_captured if blank.what == "inventory"), None)
    if why is not None:
        narrator.say(f"The look into the process from outside is skipped: {why}.")
    return observation


def _fix(
    service: LabService, diagnosis: Diagnosis, traffic: Traffic, options: DemoOptions, narrator: Narrator
) -> Outcome:
    leak = next((s for s in diagnosis.suspects if s.code is Verdict.MAP_LEAK and s.label), None)
    if leak is None or leak.label is None:
        raise CouldNotLook(f"the demo's leak was not found: the verdict was {diagnosis.verdict}")
    # The service ends with the demo, so nothing could be restored: its backup ends too.
    with tempfile.TemporaryDirectory(prefix="mapmedic-demo-") as folder:
        request = api.FixRequest(leak.label, backup_path=Path(folder) / "demo.backup")
        plan = api.plan_fix(service.url, request, service.token)
        narrator.planned(plan)
        traffic.fix_begins()
        outcome = api.apply_fix(
            plan, service.token, journal_folder=options.journal_folder, progress=narrator.progress
        )
    narrator.fixed(outcome)
    return outcome


def traffic_words(requests: Requests) -> str:
    """Return how the users fared."""
    through = f"{requests.sent:,} requests went through all of this, {requests.failed} failed"
    if requests.p99_before_ms is None or requests.p99_during_ms is None:
        return f"{through}."
    before, during = f"{requests.p99_before_ms:.0f} ms", f"{requests.p99_during_ms:.0f} ms"
    return f"{through}; p99 latency {before} before the fix, {during} during and after it."


@dataclass(frozen=True, slots=True)
class Told:
    """All that a demo has to tell."""

    diagnosis: Diagnosis
    observation: Observation
    outcome: Outcome
    after: Observation
    requests: Requests
    service: Service

    def report(self, title: str) -> Report:
        """Return it as a page shows it."""
        return Report(
            title=title,
            tool_version=mapmedic.__version__,
            created_at=UnixNanoseconds(time.time_ns()),
            diagnosis=self.diagnosis,
            observation=self.observation,
            outcome=self.outcome,
            after=self.after,
            requests=self.requests,
            change=api.heap_change(self.observation),
            service=self.service,
        )
