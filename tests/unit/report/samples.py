"""Reports with made-up but plausible figures: a fixed map leak, a healthy service, an open question."""

from __future__ import annotations

import math

from mapmedic.model.findings import Blank, Diagnosis, Evidence, Fix, Reason, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.heap import HeapProfile
from mapmedic.model.observation import Capture, MemoryPoint, Observation
from mapmedic.model.remedy import BackupPlan, Check, Condition, FixPlan, Outcome, Proof
from mapmedic.model.report import FixReport, Report, Requests
from mapmedic.model.units import UnixNanoseconds
from tests.unit.report.sample_heaps import LEAKING_STACK, MIB, PUT, fixed_heap, healthy_heap, leaking_heap

SECOND = 1_000_000_000
START = 1_795_405_512 * SECOND
TARGET = "http://127.0.0.1:6060"
OWNER = "main.mgr.sessions"


def point(second: float, rss: float | None, heap: float | None, cycles: int | None = None) -> MemoryPoint:
    """Return the memory ``second`` seconds after the start, in MiB."""
    return MemoryPoint(
        UnixNanoseconds(START + int(second * SECOND)),
        None if rss is None else int(rss * MIB),
        None if heap is None else int(heap * MIB),
        cycles,
    )


def _climb() -> tuple[MemoryPoint, ...]:
    return tuple(
        point(
            s, 61 + 6.4 * s + 3 * math.sin(s), 48 + 5.1 * s + (s * 7 % 23) if s % 2 == 0 else None, 4 + s // 6
        )
        for s in range(61)
    )


def _fall() -> tuple[MemoryPoint, ...]:
    return tuple(
        point(61 + s / 2, 47 + 402 * math.exp(-1.9 * s), 36 + s * 0.3, 16 + s // 2) for s in range(40)
    )


def capture(second: float, heap: HeapProfile | None) -> Capture:
    """Return one visit to the target."""
    return Capture(UnixNanoseconds(START + int(second * SECOND)), heap, None, None, None)


def _growing_slice() -> Suspect:
    return Suspect(
        code=Verdict.SLICE_GROWTH,
        confidence=0.41,
        reasons=(),
        bytes=int(21.5 * MIB),
        site=Site("github.com/acme/sessiond/index.(*Index).Lookup", "/src/sessiond/index/index.go", 210),
        kind=ContainerKind.SLICE,
        growth_bytes_per_second=40_000.0,
    )


def _leaking_map() -> Suspect:
    return Suspect(
        code=Verdict.MAP_LEAK,
        confidence=0.94,
        reasons=(
            Reason(
                "the map's own arrays and the values beside them grew in all 5 intervals between GC cycles",
                0.5,
            ),
            Reason("allocation and live bytes grow together: nothing put there is freed", 0.25),
            Reason("the agent counts the same entries", 0.19),
            Reason("the window is one minute: a slow warm-up would look alike", -0.06),
        ),
        bytes=int(380.7 * MIB),
        site=Site(PUT, "/src/sessiond/session.go", 42),
        kind=ContainerKind.MAP,
        owner=OWNER,
        declared="main.UserSessionManager.sessions",
        label="sessions",
        type="map[string]*main.Session",
        entries=812_345,
        growth_bytes_per_second=5.1 * MIB,
        growth_uncertainty=0.4 * MIB,
        evidence=(
            Evidence("live bytes at the insertion site", 380.7 * MIB, 64.0 * MIB, "heap?debug=1 #5", "bytes"),
            Evidence("growth of live bytes", 5.1 * MIB, 0.25 * MIB, "heap?debug=1 #1 to #5", "bytes/s"),
            Evidence("share of the live heap", 0.881, 0.3, "heap?debug=1 #5", "ratio"),
            Evidence("freed of what was allocated there", 0.013, 0.2, "heap?debug=1 #1 to #5", "ratio"),
            Evidence("entries", 812_345, None, "agent /debug/mapmedic/maps", "entries"),
            Evidence("GC cycles in the window", 12, 2, "memstats NumGC"),
            Evidence("what grows", "map[string]*main.Session", None, "restored frames"),
        ),
        stack=tuple(frame.function for frame in LEAKING_STACK),
        fix=Fix(
            "swap",
            f"mapmedic hotfix {TARGET} --map {OWNER} --apply",
            "Entries are put in CreateSession (session.go:42) and never taken out.\n"
            "Delete them where a session ends, or bound the map:\n\n"
            "    func (m *UserSessionManager) EndSession(id string) {\n"
            "        m.mu.Lock()\n        delete(m.sessions, id)\n        m.mu.Unlock()\n    }",
        ),
    )


def map_leak_diagnosis() -> Diagnosis:
    """Return the diagnosis of a map that leaks, with evidence and doubts."""
    return Diagnosis(
        target=TARGET,
        verdict=Verdict.MAP_LEAK,
        confidence=0.94,
        reasons=("it grows and nothing leaves it",),
        suspects=(_leaking_map(), _growing_slice()),
        not_captured=(
            Blank("/metrics", "404 Not Found: RSS is read from the process instead"),
            Blank("execution trace", "not asked for"),
        ),
        next_steps=(f"mapmedic hotfix {TARGET} --map {OWNER} --apply",),
        go_version="go1.27.3",
        window_seconds=60.0,
        captures=5,
    )


def fix_plan() -> FixPlan:
    """Return the plan for the leaking map."""
    return FixPlan(
        target=TARGET,
        map=OWNER,
        kind="map",
        type="map[string]*main.Session",
        strategy="swap",
        entries=812_345,
        steps=(
            "Take the write lock beside the map.",
            "Put a fresh map in its place and release the lock: one pointer is swapped.",
            "Hold the old map for 10 s, so that it can be merged back.",
            "Drop it and return its memory to the system (debug.FreeOSMemory).",
        ),
        conditions=(
            Condition("the agent answers and accepts the token", True, "mapmedic agent 1, go1.27.3"),
            Condition("the map is registered with its lock", True, "sync.RWMutex"),
            Condition("no other operation is under way", True, ""),
        ),
        undo="mapmedic undo 7f3a within 10 s; entries put meanwhile are kept",
        notes=("Every session that is in the map now will have to log in again.",),
        hold_seconds=10,
        return_memory=True,
        backup=BackupPlan("/var/lib/mapmedic", None, 1 << 30, 1 << 34, True, ()),
    )


def proof() -> Proof:
    """Return a proof that holds."""
    return Proof(
        True,
        (
            Check(
                "RSS falls within 30 s",
                451.3 * MIB,
                47.0 * MIB,
                -0.896,
                -0.4,
                True,
                "measured 12 s after the fix",
                "bytes",
            ),
            Check("HeapAlloc falls", 432.1 * MIB, 39.4 * MIB, -0.909, -0.4, True, "", "bytes"),
            Check(
                "growth has stopped",
                5.1 * MIB,
                0.31 * MIB,
                -0.94,
                1.0 * MIB,
                True,
                "new sessions still arrive",
                "bytes/s",
            ),
            Check("GC pause p99", 1.9, 0.4, -0.79, 10.0, True, "from PauseNs", "ms"),
            Check("failed requests", 0.0, 0.0, None, 0.0, True, "", ""),
        ),
    )


def outcome() -> Outcome:
    """Return what the fix did."""
    return Outcome(
        plan=fix_plan(),
        applied=True,
        operation="7f3a",
        pause_ns=17_300,
        entries_removed=812_345,
        journal_path="/var/lib/mapmedic/2026-11-23T03-45-12-sessions.journal",
        before=point(61, 451.3, 432.1, 15),
        after=point(80.5, 47.0, 39.4, 35),
        proof=proof(),
        timeline=_fall(),
    )


def map_leak_report() -> Report:
    """Return a map leak, found, fixed and proven."""
    captures = tuple(capture(s, leaking_heap()) for s in (0, 15, 30, 45, 60))
    blanks = (Blank("/debug/vars", "404 Not Found: expvar is not imported"),)
    return Report(
        title="sessiond: memory",
        tool_version="0.1.0",
        created_at=UnixNanoseconds(START + 95 * SECOND),
        diagnosis=map_leak_diagnosis(),
        observation=Observation(TARGET, captures, _climb(), blanks, "go1.27.3"),
        outcome=outcome(),
        after=Observation(TARGET, (capture(80, fixed_heap()),), (), (), "go1.27.3"),
        requests=Requests(12_480, 0, 0.8, 3.1, 0.9, 4.4),
    )


def healthy_report() -> Report:
    """Return a service that has nothing."""
    steady = tuple(point(s, 182 + 4 * math.sin(s / 3), 120 + s * 11 % 40, 40 + s // 3) for s in range(31))
    diagnosis = Diagnosis(
        target="http://orders.internal:6060",
        verdict=Verdict.HEALTHY,
        confidence=0.88,
        reasons=(
            "live bytes moved by less than 1 % over 10 GC cycles",
            "no container grew beyond its sampling error",
        ),
        suspects=(),
        not_captured=(),
        go_version="go1.24.11",
        window_seconds=30.0,
        captures=3,
    )
    heap = healthy_heap()
    observation = Observation(
        diagnosis.target, tuple(capture(s, heap) for s in (0, 15, 30)), steady, (), "go1.24.11"
    )
    return Report("orders: memory", "0.1.0", UnixNanoseconds(START), diagnosis, observation)


def undetermined_report() -> Report:
    """Return a question that the evidence leaves open: no GC ran between the captures."""
    suspect = Suspect(
        code=Verdict.MAP_LEAK,
        confidence=0.35,
        reasons=(Reason("no GC cycle between the captures", -0.5),),
        bytes=90 * MIB,
        site=Site("main.(*Store).Put", "/src/billing/store.go", 17),
        kind=ContainerKind.MAP,
    )
    diagnosis = Diagnosis(
        target="http://10.0.3.7:6060",
        verdict=Verdict.UNDETERMINED,
        confidence=0.35,
        reasons=("no GC cycle completed between the two captures: the heap profile could not move",),
        suspects=(suspect,),
        not_captured=(
            Blank("heap growth", "NumGC stayed at 7"),
            Blank("RSS", "no /metrics, and no process at hand"),
        ),
        next_steps=("mapmedic diagnose http://10.0.3.7:6060 --for 120s",),
        go_version=None,
        window_seconds=30.0,
        captures=2,
    )
    observation = Observation(
        diagnosis.target, (capture(0, None), capture(30, None)), (point(0, None, 210),), (), None
    )
    return Report("billing: memory", "0.1.0", UnixNanoseconds(START), diagnosis, observation)


def fix_report(report: Report | None = None) -> FixReport:
    """Return the page about the fix of ``report``, by default of the map leak."""
    whole = report or map_leak_report()
    done = whole.outcome
    proof, target = done.proof if done else None, done.plan.target if done else TARGET
    return FixReport(whole.title, whole.tool_version, whole.created_at, target, proof, done)


def comparison() -> FixReport:
    """Return two captures compared, as `verify` shows them."""
    after = Observation(TARGET, (capture(80, fixed_heap()),), (point(80, 47.0, 39.4, 35),), (), None)
    seen = map_leak_report().observation
    return FixReport("Before and after", "0.1.0", UnixNanoseconds(START), TARGET, proof(), None, seen, after)
