"""Reports with made-up but plausible figures: a fixed map leak, a healthy service, an open question."""

from __future__ import annotations

import math

import numpy as np

from mapmedic.model.findings import Blank, Diagnosis, Evidence, Fix, Reason, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind, Frame
from mapmedic.model.heap import HeapProfile, Stack
from mapmedic.model.observation import Capture, MemoryPoint, Observation
from mapmedic.model.remedy import BackupPlan, Check, Condition, FixPlan, Outcome, Proof
from mapmedic.model.report import FixReport, Report, Requests
from mapmedic.model.units import UnixNanoseconds

SECOND = 1_000_000_000
MIB = 1 << 20
START = 1_795_405_512 * SECOND
TARGET = "http://127.0.0.1:6060"
OWNER = "main.mgr.sessions"
PUT = "main.(*UserSessionManager).CreateSession"

_SERVE = (
    Frame("net/http.(*conn).serve", "net/http/server.go", 2102),
    Frame("net/http.serverHandler.ServeHTTP", "net/http/server.go", 3301),
    Frame("net/http.(*ServeMux).ServeHTTP", "net/http/server.go", 2821),
    Frame("net/http.HandlerFunc.ServeHTTP", "net/http/server.go", 2286),
)
_HANDLE = (*_SERVE, Frame("main.(*Server).handleLogin", "/src/sessiond/server.go", 88))
_PUT = (*_HANDLE, Frame(PUT, "/src/sessiond/session.go", 42))
_GROW = (
    Frame("runtime.mapassign_faststr", restored=True),
    Frame("internal/runtime/maps.(*Map).PutSlotFastStr", restored=True),
    Frame("internal/runtime/maps.(*table).rehash", restored=True),
    Frame("internal/runtime/maps.(*table).split", restored=True),
    Frame("internal/runtime/maps.newTable", restored=True),
    Frame("internal/runtime/maps.(*table).reset", restored=True),
    Frame("internal/runtime/maps.newarray", restored=True),
    Frame("runtime.newarray", restored=True),
    Frame("runtime.mallocgc", restored=True),
)
_MALLOC = (Frame("runtime.newobject", restored=True), Frame("runtime.mallocgc", restored=True))
_INDEX = (*_SERVE, Frame("main.(*Server).handleSearch", "/src/sessiond/server.go", 131))
_MAIN = (Frame("runtime.main", "runtime/proc.go", 283), Frame("main.main", "/src/sessiond/main.go", 31))

# Root first -> (live MiB, allocated MiB).
_LEAKING: tuple[tuple[Stack, float, float], ...] = (
    ((*_PUT, *_GROW), 118.4, 241.0),
    ((*_PUT, Frame("main.newSession", "/src/sessiond/session.go", 61), *_MALLOC), 171.2, 178.8),
    (
        (
            *_PUT,
            Frame("main.newSession", "/src/sessiond/session.go", 64),
            Frame("fmt.Sprintf", "fmt/print.go", 239),
            Frame("runtime.slicebytetostring", restored=True),
            *_MALLOC[1:],
        ),
        88.0,
        97.5,
    ),
    ((*_PUT, Frame("crypto/rand.Read", "crypto/rand/rand.go", 63), *_MALLOC), 3.1, 44.0),
    (
        (
            *_HANDLE,
            Frame("encoding/json.(*Decoder).Decode", "encoding/json/stream.go", 63),
            Frame("encoding/json.(*decodeState).object", "encoding/json/decode.go", 771),
            *_MALLOC,
        ),
        2.2,
        412.0,
    ),
    (
        (
            *_HANDLE,
            Frame("encoding/json.Marshal", "encoding/json/encode.go", 171),
            Frame("bytes.(*Buffer).grow", "bytes/buffer.go", 154),
            Frame("runtime.growslice", restored=True),
            Frame("runtime.mallocgc", restored=True),
        ),
        6.4,
        655.0,
    ),
    (
        (
            *_INDEX,
            Frame("github.com/acme/sessiond/index.(*Index).Lookup", "/src/sessiond/index/index.go", 210),
            Frame("runtime.growslice", restored=True),
            Frame("runtime.mallocgc", restored=True),
        ),
        21.5,
        120.0,
    ),
    (
        (
            *_INDEX,
            Frame("github.com/acme/sessiond/cache.(*LRU[...]).Add", "/src/sessiond/cache/lru.go", 77),
            Frame("sync.(*Map).Store", "sync/hashtriemap.go", 65),
            Frame("internal/sync.(*HashTrieMap[...]).Swap", restored=True),
            Frame("internal/sync.newEntryNode[...]", restored=True),
            *_MALLOC,
        ),
        14.9,
        30.2,
    ),
    ((*_MAIN, Frame("main.loadConfig", "/src/sessiond/config.go", 19), *_MALLOC), 1.4, 1.6),
    ((*_SERVE[:1], Frame("bufio.NewReaderSize", "bufio/bufio.go", 57), *_MALLOC), 4.8, 9.1),
    ((*_MAIN, Frame("net/http.(*Server).Serve", "net/http/server.go", 3454), *_MALLOC), 0.1, 1.2),
)


def heap_of(records: tuple[tuple[Stack, float, float], ...]) -> HeapProfile:
    """Return a profile of root-first stacks with live and allocated MiB."""
    live = np.array([record[1] for record in records]) * MIB
    allocated = np.array([record[2] for record in records]) * MIB
    counts = np.ones(len(records), dtype=np.int64)
    return HeapProfile(
        stacks=tuple(tuple(reversed(record[0])) for record in records),
        keys=tuple(str(number).encode() for number in range(len(records))),
        inuse_bytes=live,
        inuse_objects=live / 256,
        alloc_bytes=allocated,
        alloc_objects=allocated / 256,
        sampled_inuse=counts,
        sampled_allocs=counts,
        object_bytes=np.full(len(records), 256, dtype=np.int64),
        frames_restored=True,
        memstats=None,
    )


def leaking_heap() -> HeapProfile:
    """Return the heap of the service that leaks."""
    return heap_of(_LEAKING)


def fixed_heap() -> HeapProfile:
    """Return its heap after the fix: what the map held is gone."""
    return heap_of(
        tuple(
            (stack, live * (0.01 if PUT in {f.function for f in stack} else 1), total)
            for stack, live, total in _LEAKING
        )
    )


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
        stack=tuple(frame.function for frame in (*_PUT, *_GROW)),
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
    heap = heap_of(_LEAKING[5:])
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
