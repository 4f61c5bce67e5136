"""What is taken besides the heap: kept where it says something, never missed by a diagnosis, asked for once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mapmedic.capture.limits import Limits
from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import read_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import UnexpectedAnswer
from mapmedic.formats.expvar import FIELDS, parse_expvar_memstats
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.model.session import Session
from tests.support.go_process import (
    ALLOCS,
    BLOCK,
    CONTENTION,
    CPU,
    EXPVAR,
    GOLDEN,
    METRICS,
    MUTEX,
    NO_CONTENTION,
    TOKEN,
    TRACE,
    agent,
    by_query,
    go_process,
)  # fmt: skip
from tests.support.scripted_server import Script, ScriptedServer, answers, hangs, whole

HEAP = "/debug/pprof/heap"
EXECUTION = b"go 1.22 trace\0\0\0" + bytes(100)
SHORT = Limits(3, 1 << 20)


def capture(server: ScriptedServer, path: Path, plan: CapturePlan, under: str = "") -> Session:
    capture_session(parse_target(server.url + under), path, plan)
    return read_session(path)


def blanks(session: Session) -> dict[str, str]:
    return {blank.what: blank.why for blank in session.not_captured}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.mapmedic"


def test_an_empty_lock_profile_is_not_kept_and_says_how_to_turn_it_on(path: Path) -> None:
    scripts = {**go_process(), MUTEX: answers(NO_CONTENTION), BLOCK: answers(CONTENTION)}
    with ScriptedServer(scripts) as server:
        session = capture(server, path, CapturePlan(most=SHORT))
    kinds = {artifact.kind for artifact in session.artifacts}
    assert "block_pprof" in kinds and "mutex_pprof" not in kinds
    assert "runtime.SetMutexProfileFraction" in blanks(session)["mutex_pprof"]


def test_a_second_view_of_the_same_is_taken_once(path: Path) -> None:
    with ScriptedServer(go_process()) as server:
        session = capture(server, path, CapturePlan(0.2, most=SHORT))
        assert [len(server.asked(where)) for where in (ALLOCS, MUTEX, BLOCK, EXPVAR)] == [1] * 4
    assert sum(artifact.kind == "heap_text" for artifact in session.artifacts) == 2


def test_what_no_verdict_rests_on_is_not_missed_by_one(path: Path) -> None:
    scripts = {k: v for k, v in go_process().items() if k not in (ALLOCS, MUTEX, BLOCK, EXPVAR)}
    with ScriptedServer({**scripts, "/debug/mapmedic/v1/maps": agent()}) as server:
        session = capture(server, path, CapturePlan(most=SHORT, agent_token=TOKEN))
    assert set(blanks(session)) == {"allocs_pprof", "mutex_pprof", "block_pprof", "expvar"}
    assert observe_session(session).not_captured == ()


# --- /debug/vars as a source of the memory figures ---


def memstats() -> dict[str, object]:
    """Return the golden process's figures as expvar writes them."""
    stats = parse_heap_text((GOLDEN / "heap.txt").read_bytes()).memstats
    assert stats is not None
    counts = {go: getattr(stats, ours) for ours, go in FIELDS.items()}
    return {
        **counts, "PauseNs": list(stats.pause_ns), "PauseEnd": list(stats.pause_end_ns),
        "GCCPUFraction": stats.gc_cpu_fraction, "DebugGC": False, "EnableGC": True, "BySize": [{"Size": 8}] * 61,
    }  # fmt: skip


def test_expvar_says_the_same_as_the_heap_text() -> None:
    parsed = parse_expvar_memstats(json.dumps({"cmdline": [], "memstats": memstats()}).encode())
    heap = parse_heap_text((GOLDEN / "heap.txt").read_bytes()).memstats
    assert heap is not None and parsed.pause_ns == heap.pause_ns
    assert (parsed.heap_alloc_bytes, parsed.num_gc, parsed.max_rss_bytes) == (
        heap.heap_alloc_bytes,
        heap.num_gc,
        None,
    )


def test_without_heap_text_the_figures_come_from_expvar_at_each_visit(path: Path) -> None:
    scripts = go_process()
    page = answers(json.dumps({"memstats": memstats()}).encode(), 200, "application/json")
    pprof = answers((GOLDEN / "heap.pb.gz").read_bytes())
    scripts |= {EXPVAR: page, METRICS: answers(b"", 404), HEAP: by_query("debug=1", answers(b"", 403), pprof)}
    with ScriptedServer(scripts) as server:
        session = capture(server, path, CapturePlan(0.2, most=SHORT))
        assert len(server.asked(EXPVAR)) == 2
    seen = observe_session(session)
    assert [c.memstats.num_gc for c in seen.captures if c.memstats] == [memstats()["NumGC"]] * 2
    assert len(seen.timeline) == 2


# --- asked for: CPU profile and trace ---


def test_nobody_is_profiled_unasked(path: Path) -> None:
    with ScriptedServer({**go_process(), CPU: answers(CONTENTION), TRACE: answers(EXECUTION)}) as server:
        capture(server, path, CapturePlan(most=SHORT))
        assert server.asked(CPU) == server.asked(TRACE) == []


def test_what_takes_time_comes_last_and_its_deadline_is_longer(path: Path) -> None:
    def slow(body: bytes) -> Script:
        def script(_request: object, line: object) -> None:
            line.wait(0.6)  # type: ignore[attr-defined]
            line.send(whole(200, body))  # type: ignore[attr-defined]

        return script

    with ScriptedServer({**go_process(), CPU: slow(CONTENTION), TRACE: slow(EXECUTION)}) as server:
        started = time.monotonic()
        session = capture(server, path, CapturePlan(cpu_seconds=1.4, trace_seconds=0.5))
        assert time.monotonic() - started < 5
        assert {server.requests[-1].query, server.requests[-2].query} == {"seconds=1", "seconds=0.5"}
    assert [artifact.kind for artifact in session.artifacts][-2:] in (
        ["cpu_pprof", "trace"],
        ["trace", "cpu_pprof"],
    )


def test_a_target_that_refuses_says_why(path: Path) -> None:
    no = answers(b"profile duration exceeds server's WriteTimeout\n", 400)
    with ScriptedServer({**go_process(), CPU: no, TRACE: hangs}) as server:
        session = capture(
            server, path, CapturePlan(most=Limits(0.5, 1 << 20), cpu_seconds=30, trace_seconds=1)
        )
        assert len(server.asked(CPU)) == 1
    assert "HTTP 400 (profile duration exceeds server's WriteTimeout)" in blanks(session)["cpu_pprof"]
    assert "no complete answer" in blanks(session)["trace"]


# --- profiles under another address ---


def under(prefix: str, scripts: dict[str, Script]) -> dict[str, Script]:
    return {where.replace("/debug/pprof", prefix): script for where, script in scripts.items()}


@pytest.mark.parametrize("given", ["/internal/pprof", "/internal/pprof/", "/pprof"])
def test_profiles_under_another_prefix(given: str, path: Path) -> None:
    with ScriptedServer(under(given.rstrip("/"), go_process())) as server:
        session = capture(server, path, CapturePlan(most=SHORT), given)
    assert {"heap_text", "symbols", "metrics", "cmdline", "goroutine_text"} <= {
        a.kind for a in session.artifacts
    }
    sources = {artifact.kind: artifact.source for artifact in session.artifacts}
    assert sources["metrics"] == server.url + "/metrics"
    assert sources["heap_text"] == f"{server.url}{given.rstrip('/')}/heap?debug=1"


def test_a_root_behind_a_proxy_keeps_its_own_metrics(path: Path) -> None:
    behind = {f"/pods/x/proxy{where}": script for where, script in go_process().items()}
    with ScriptedServer({**behind, METRICS: answers(b"go_goroutines 1\n")}) as server:
        session = capture(server, path, CapturePlan(most=SHORT), "/pods/x/proxy")
        assert server.asked(METRICS) == [], "the proxy's own metrics are another process's"
    assert "metrics" in {artifact.kind for artifact in session.artifacts}


def test_metrics_too_far_above_are_not_taken_for_the_services(path: Path) -> None:
    scripts = under("/pods/x/proxy/internal/pprof", go_process())
    with ScriptedServer(scripts) as server:
        session = capture(server, path, CapturePlan(most=SHORT), "/pods/x/proxy/internal/pprof")
        assert server.asked(METRICS) == []
    assert "metrics" in blanks(session)


def test_a_path_with_nothing_under_it_is_an_error_that_names_it(path: Path) -> None:
    with (
        ScriptedServer(go_process()) as server,
        pytest.raises(UnexpectedAnswer, match="/wrong/debug/pprof/heap"),
    ):
        capture(server, path, CapturePlan(most=SHORT), "/wrong")


def test_a_service_without_the_symbol_handler_is_found_by_its_heap(path: Path) -> None:
    scripts = under("/internal/pprof", go_process())
    del scripts["/internal/pprof/symbol"]
    with ScriptedServer(scripts) as server:
        session = capture(server, path, CapturePlan(most=SHORT), "/internal/pprof")
    assert "heap_text" in {artifact.kind for artifact in session.artifacts}
