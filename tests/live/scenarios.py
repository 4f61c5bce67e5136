"""The lab's scenarios as the tests run them: sped up, and judged by the lab's own truth."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.model.findings import Diagnosis, Verdict

ROOT = Path(__file__).resolve().parents[2]
LAB_SOURCE = ROOT / "lab"

# Rates are high so that a short window shows what an hour of a real service would.
SCENARIOS = {
    "struct-field": Scenario("struct-field", entries=40_000, rate=8_000),
    "global-map": Scenario("global-map", entries=40_000, rate=12_000),
    "sync-map": Scenario("sync-map", entries=40_000, rate=12_000),
    "bounded-lru": Scenario("bounded-lru"),
    "steady-cache": Scenario("steady-cache"),
    "goroutine-leak": Scenario("goroutine-leak", entries=3_000, rate=400),
    "slice-growth": Scenario("slice-growth", entries=100_000, rate=12_000),
    "sharded-map": Scenario("sharded-map", entries=40_000, rate=10_000),
    "map-of-maps": Scenario("map-of-maps", entries=40_000, rate=10_000),
    "closure-map": Scenario("closure-map", entries=40_000, rate=12_000),
    "channel-buffer": Scenario("channel-buffer", entries=40_000, rate=12_000),
    "finalizer-map": Scenario("finalizer-map", entries=40_000, rate=12_000),
    "generic-cache": Scenario("generic-cache", entries=40_000, rate=12_000),
    "ttl-cache": Scenario("ttl-cache"),
    "emptied-map": Scenario("emptied-map"),
    "batch-maps": Scenario("batch-maps"),
    "off-heap": Scenario("off-heap"),
    "idle-heap": Scenario("idle-heap"),
    "high-gogc": Scenario("high-gogc"),
    "high-gogc-leak": Scenario("high-gogc-leak", entries=40_000, rate=12_000),
    "warm-up": Scenario("warm-up"),
    "goroutine-local": Scenario("goroutine-local", entries=40_000, rate=12_000),
    "huge-values": Scenario("huge-values", rate=20),
}
# The source at the inserting line cannot say what these are called: a captured variable, a field of an element.
NAMELESS = frozenset({"closure-map", "channel-buffer", "finalizer-map"})
# A sample of them in `make test`; all of them, on every Go version, in `make live`.
SAMPLE = (
    "struct-field", "global-map", "sync-map", "bounded-lru", "steady-cache", "goroutine-leak", "slice-growth",
    "emptied-map", "batch-maps", "off-heap", "idle-heap", "high-gogc", "goroutine-local", "huge-values",
)  # fmt: skip
# Rule -> the scenario that it must fire on, and the healthy twin that looks like it and on which it must not.
TWINS = {
    Verdict.MAP_LEAK: ("struct-field", "bounded-lru"),
    Verdict.SLICE_GROWTH: ("slice-growth", "steady-cache"),
    Verdict.GOROUTINE_LEAK: ("goroutine-leak", "goroutine-local"),  # one goroutine that is meant to live
    Verdict.MAP_NEVER_SHRINKS: ("emptied-map", "steady-cache"),
    Verdict.MAP_CHURN: ("batch-maps", "ttl-cache"),
    Verdict.OFF_HEAP: ("off-heap", "idle-heap"),  # RSS far above the live heap, and yet Go's own
    Verdict.IDLE_NOT_RETURNED: ("idle-heap", "high-gogc"),
    Verdict.GC_LAG: ("high-gogc", "high-gogc-leak"),  # the same setting, and a leak that it must not cover
    Verdict.LARGE_STEADY_MAP: ("steady-cache", "warm-up"),
}
# What two looks into memory may leave open: what only garbage tells, where a GC has just taken that.
NOT_TOLD_INSIDE = frozenset({"batch-maps", "high-gogc"})
WINDOW_SECONDS = 6.0
LONGER = 3
FLAT_SECONDS = 60.0
# Nothing of a pause is promised on a machine that runs other tests.
PATIENCE_MS = 5_000.0


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario diagnosed over HTTP, beside what the lab says is true.

    ``looks`` is 2 where the first look was undetermined and its own advice, to look longer, was followed:
    one healthy service in some hundred seems to grow by two and a half standard deviations.
    """

    diagnosis: Diagnosis
    truth: dict[str, Any]
    looks: int = 1

    def misses(self) -> list[str]:
        """Return a sentence for each thing the diagnosis got wrong."""
        wrong = []
        expected = self.truth["expected_verdict"]
        if self.diagnosis.verdict != expected:
            wrong.append(
                f"verdict {self.diagnosis.verdict} ({'; '.join(self.diagnosis.reasons)}), not {expected}"
            )
        if expected not in ("healthy", "undetermined") and not wrong:
            wrong += self._misses_of_suspect()
        return wrong

    def _misses_of_suspect(self) -> list[str]:
        suspect, insertion = self.diagnosis.suspects[0], self.truth["insertion"]
        wrong = []
        if insertion and suspect.site and suspect.kind:
            if suspect.site.function != insertion["function"]:
                wrong.append(f"site {suspect.site.function}, not {insertion['function']}")
            if suspect.site.line != insertion["line"]:
                wrong.append(f"line {suspect.site.line}, not {insertion['line']}")
            declared = _without_type_arguments(self.truth["declared"])
            if suspect.declared != declared and (suspect.declared or self.truth["scenario"] not in NAMELESS):
                wrong.append(f"declared {suspect.declared}, not {declared}")
        path = self.truth["path"] or ""
        # Which goroutine may be known and the variable not: that is less, and not wrong.
        if suspect.owner and suspect.owner.startswith("goroutine ") and not path.startswith(suspect.owner):
            wrong.append(f"owner {suspect.owner}, not {self.truth['path']}")
        return wrong


def _without_type_arguments(declared: str) -> str:
    """Return main.Cache.items for main.Cache[string,int].items: a generic's source knows no instance."""
    return re.sub(r"\[[^\]]*\]", "", declared)


def run_scenario(binary: Path, scenario: Scenario, seconds: float = WINDOW_SECONDS) -> Run:
    """Start ``scenario``, watch it over HTTP alone, and return the diagnosis beside the truth."""
    with LabService(binary, scenario) as service:
        wait_until_flat(service.url)
        for look in (1, 2):
            plan = api.CapturePlan(seconds * (1 if look == 1 else LONGER), force_gc=True)
            diagnosis = api.diagnose(api.observe([service.url], plan), source=LAB_SOURCE)
            if diagnosis.verdict is not Verdict.UNDETERMINED:
                break
        return Run(diagnosis, truth_of(service.url), look)


def run_inside(
    binary: Path, scenario: Scenario, seconds: float = WINDOW_SECONDS, *, with_url: bool = False
) -> Run:
    """Start ``scenario``, look into its process twice (and ask it over HTTP as well), and diagnose it."""
    with LabService(binary, scenario) as service:
        wait_until_flat(service.url)
        targets = [f"pid:{service.pid}", *([service.url] if with_url else [])]
        for look in (1, 2):
            plan = api.CapturePlan(
                seconds * (1 if look == 1 else LONGER),
                force_gc=with_url,
                inside=api.Limits(max_pause_ms=PATIENCE_MS),
            )
            diagnosis = api.diagnose(api.observe(targets, plan), source=LAB_SOURCE)
            if diagnosis.verdict is not Verdict.UNDETERMINED:
                break
        return Run(diagnosis, truth_of(service.url), look)


def wait_until_flat(url: str) -> None:
    """Wait until a warm-up has brought everything there is; before that it may pass for a leak."""
    deadline = time.monotonic() + FLAT_SECONDS
    while not truth_of(url).get("warm_up", {"flat": True})["flat"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} is not flat after {FLAT_SECONDS:.0f} s")
        time.sleep(0.25)


def truth_of(url: str) -> dict[str, Any]:
    """Return the lab's truth about itself now."""
    with urllib.request.urlopen(f"{url}/lab/truth", timeout=60) as answer:
        truth: dict[str, Any] = json.load(answer)
    return truth
