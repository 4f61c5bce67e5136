"""The second act: a stripped service without agent and endpoint, found, fixed and proved from outside."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from mapmedic import api
from mapmedic.demo.service import LabService, Program, build_lab
from mapmedic.demo.story import DemoOptions, Narrator, Told, traffic_words
from mapmedic.demo.traffic import Traffic
from mapmedic.errors import CouldNotLook
from mapmedic.model.findings import Diagnosis, Verdict
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import Outcome
from mapmedic.model.report import Report, Service


def run_outside_demo(options: DemoOptions, narrator: Narrator) -> Report:
    """Build, start, watch, diagnose, fix and prove, knowing of the service nothing but its process id.

    CouldNotLook where the diagnosis is not the leak that is there, or this machine does not let one process look into
    another.
    """
    narrator.say("Building a real Go service that leaks (lab/bare), without symbols, agent or pprof …")
    binary, go_version = build_lab(stripped=True, program=Program.BARE)
    with ExitStack() as stack:
        service = stack.enter_context(LabService(binary, options.scenario))
        traffic = stack.enter_context(Traffic(service.url))
        target = f"pid:{service.pid}"
        narrator.say(
            f"Built with {go_version} (-s -w). It runs as process {service.pid}, with traffic on it."
        )
        narrator.say(f"Looking into its memory from outside, for {options.watch_seconds:.0f} s …")
        plan = api.CapturePlan(options.watch_seconds)
        observation = api.observe([target], plan, progress=narrator.progress)
        diagnosis = api.diagnose(observation)
        narrator.diagnosed(diagnosis, observation)
        outcome = _fix(target, _owner_of(diagnosis, observation), traffic, options, narrator)
        after = api.observe([target], api.CapturePlan())
        requests = traffic.stop()
    narrator.say(traffic_words(requests))
    shown = Service(go_version, is_stripped=True, has_agent=False)
    return Told(diagnosis, observation, outcome, after, requests, shown).report(
        "mapmedic demo: a leak found, fixed and proved from outside"
    )


def _owner_of(diagnosis: Diagnosis, observation: Observation) -> str:
    leak = next((each for each in diagnosis.suspects if each.code is Verdict.MAP_LEAK and each.owner), None)
    if leak is not None and leak.owner is not None:
        return leak.owner
    blanks = "; ".join(f"{each.what}: {each.why}" for each in observation.not_captured)
    raise CouldNotLook(f"the demo's leak was not found: the verdict was {diagnosis.verdict} ({blanks})")


def _fix(target: str, owner: str, traffic: Traffic, options: DemoOptions, narrator: Narrator) -> Outcome:
    request = api.OutsideRequest(owner, journal_folder=options.journal_folder)
    fix = api.plan_outside(target, request, narrator.progress)
    narrator.planned(fix.plan)
    traffic.fix_begins()
    outcome = api.apply_outside(fix, progress=narrator.progress)
    narrator.fixed(outcome)
    # The service ends with the demo, so nobody will want its entries: what was saved of them ends too.
    for saved in (outcome.saved, outcome.difference):
        if saved is not None and saved.path is not None:
            with suppress(OSError):
                Path(saved.path).unlink()
    return outcome
