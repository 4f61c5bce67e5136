"""A report in which every text is an attack and every figure is missing or absurd."""

from __future__ import annotations

from mapmedic.model.findings import Blank, Diagnosis, Evidence, Fix, Reason, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind, Frame
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import Check, Condition, FixPlan, Outcome, Proof
from mapmedic.model.report import Report, Requests
from mapmedic.model.units import UnixNanoseconds
from tests.unit.report.sample_heaps import heap_of
from tests.unit.report.samples import capture, point

EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m\u202eevil\n[bold]{{7*7}}{}\u2028&\x00"


def hostile_report() -> Report:
    """Return a report in which every text of the target's is an attack and every figure is missing or absurd."""
    nan, evil_stack = float("nan"), tuple(f"{EVIL}{number}" for number in range(300))
    site = Site(EVIL + "x" * 10_000, EVIL, None)
    evidence = (Evidence(EVIL, nan, EVIL, EVIL, EVIL), Evidence("", float("inf"), None, "", "bytes"))
    suspects = tuple(
        Suspect(
            Verdict.MAP_LEAK,
            nan,
            (Reason(EVIL, nan), Reason(EVIL, -1)),
            -5,
            site,
            ContainerKind.MAP,
            EVIL,
            EVIL,
            EVIL,
            EVIL,
            10**30,
            nan,
            nan,
            evidence,
            evil_stack,
            Fix(EVIL, EVIL, EVIL),
        )
        for _ in range(3_000)
    )
    blanks = tuple(Blank(f"{EVIL}{number}", EVIL) for number in range(300))
    diagnosis = Diagnosis(EVIL, Verdict.MAP_LEAK, nan, (EVIL,), suspects, blanks, (EVIL,) * 50, EVIL, nan, 0)
    plan = FixPlan(
        EVIL, EVIL, EVIL, EVIL, EVIL, None, (EVIL,), (Condition(EVIL, False, EVIL),), EVIL, (EVIL,), 0, True
    )
    checks = (
        Check(EVIL, nan, None, nan, nan, False, EVIL, EVIL),
        Check("rss_bytes", None, None, None, None, False, ""),
    )
    done = Outcome(plan, True, EVIL, None, None, EVIL, None, point(0, None, None), Proof(False, checks))
    heap = heap_of((((Frame(EVIL + "y" * 10_000, EVIL, -3),) * 5_000, 3.0, nan), ((), 1.0, 1.0)))
    observation = Observation(EVIL, (capture(0, heap),), (point(0, None, None),) * 3, blanks, None)
    return Report(
        EVIL, EVIL, UnixNanoseconds(10**30), diagnosis, observation, done, None, Requests(0, 0, None, nan)
    )
