"""A capture against a real loopback server: what came is kept, what did not is a blank that says why."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from mapmedic.capture.limits import Limits
from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import read_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import TargetUnreachable, UnexpectedAnswer
from mapmedic.model.connection import Connection
from tests.golden.corpus import FOLDERS
from tests.support.go_process import (
    AGENT,
    GOLDEN,
    GOROUTINE,
    METRICS,
    SYMBOL,
    TOKEN,
    agent,
    by_query,
    go_process,
    in_turn,
)
from tests.support.scripted_server import (
    Script,
    ScriptedServer,
    answers,
    drips,
    endless,
    hangs,
    redirects,
    resets_after,
    wanting,
)
from tests.unit.capture.recorded import ALL, HEAP, PLAN, blanks, capture, kinds

HEAP_TEXT = (GOLDEN / "heap.txt").read_bytes()
PPROF = answers((GOLDEN / "heap.pb.gz").read_bytes())
LOGIN = answers(b"<!doctype html><title>Sign in</title>", 200, "text/html")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_of_a_healthy_process_is_captured_and_its_frames_restored(folder: Path, path: Path) -> None:
    with ScriptedServer(go_process(folder)) as server:
        session = capture(server, path)
        assert (session.target, session.complete, kinds(session)) == (server.url, True, ALL)
        assert blanks(session) == {
            "agent_maps": "there is no mapmedic agent in this service; no exact entry counts by name"
        }
        assert all(request.method == "GET" for request in server.requests)
    (seen,) = observe_session(session).captures
    assert seen.heap is not None and seen.heap.frames_restored
    assert any("mapassign" in frame.function for stack in seen.heap.stacks for frame in stack)
    assert not any(frame.function.startswith("0x") for stack in seen.heap.stacks for frame in stack)
    assert seen.goroutine_counts is not None and seen.goroutine_counts.total == 3


@pytest.mark.parametrize(
    ("where", "script", "missing", "why"),
    [
        (METRICS, answers(b"no", 404), "metrics", "the service does not serve it (HTTP 404)"),
        (METRICS, answers(b"oops", 500), "metrics", "it answered with HTTP 500"),
        (METRICS, LOGIN, "metrics", "it answered with an HTML page"),
        (METRICS, answers(b""), "metrics", "it answered with nothing"),
        (METRICS, hangs, "metrics", "no answer: no complete answer within 2 s"),
        (METRICS, drips(b"go_x 1\n", 0.05), "metrics", "no answer: no complete answer within 2 s"),
        (METRICS, endless(b"go_x 1\n" * 9999), "metrics", "it answered with a body larger than 1,048,576 bytes"),
        (METRICS, redirects("http://127.0.0.1:9/"), "metrics", "it answered with a redirect (HTTP 302)"),
        (METRICS, resets_after(b"go_", 9), "metrics", "no answer: "),
        (HEAP, by_query("debug=1", hangs, PPROF), "heap_text", "no answer: no complete answer"),
        (HEAP, by_query("debug=1", answers(HEAP_TEXT), hangs), "heap_pprof", "no answer: no complete answer"),
        (SYMBOL, answers(b"no", 405), "symbols", "it answered with HTTP 405"),
        (SYMBOL, answers(b"no", 431), "symbols", "it answered with HTTP 431"),
        (SYMBOL, LOGIN, "symbols", "it answered with an HTML page"),
        (GOROUTINE, answers(b"", 500), "goroutine_text", "not asked for: nobody could say how many"),
        (AGENT, answers(b"{}", 401), "agent_maps", "the agent in this service wants its token"),
        (AGENT, answers(b"{}", 503), "agent_maps", "the agent in this service lets nobody in"),
    ],
)  # fmt: skip
def test_one_endpoint_misbehaves(where: str, script: Script, missing: str, why: str, path: Path) -> None:
    with ScriptedServer({**go_process(), where: script}) as server:
        started = time.monotonic()
        session = capture(server, path)
        assert time.monotonic() - started < 12
    lost = {missing} | {"heap_text": {"symbols"}}.get(missing, set())
    if where == GOROUTINE:
        lost |= {"goroutine_text1", "goroutine_pprof"}
    assert kinds(session) == ALL - lost
    assert blanks(session)[missing].startswith(why)
    assert session.complete
    observe_session(session)


def test_nobody_there(path: Path) -> None:
    server = ScriptedServer()
    server.stop_listening()
    with pytest.raises(TargetUnreachable, match="Connection refused"):
        capture_session(parse_target(server.url), path, PLAN)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (LOGIN, "an HTML page"),
        (answers(b"404 page not found", 404), "HTTP 404"),
        (answers(b"", 500), "HTTP 500"),
        (redirects("http://127.0.0.1:9/"), "redirect .* to http://127.0.0.1:9, which is not followed"),
        (answers(b""), "with nothing"),
        (answers(b'{"status":"up"}'), "looks like json"),
        (answers(b"\x00\x01garbage"), "not with a heap profile"),
    ],
)
def test_something_else_is_there(script: Script, why: str, path: Path) -> None:
    everywhere = dict.fromkeys([*go_process(), AGENT], script)
    with ScriptedServer(everywhere) as server, pytest.raises(UnexpectedAnswer, match=why):
        capture_session(parse_target(server.url), path, PLAN)
    assert list(path.parent.iterdir()) == [], "nothing of use came: nothing is left"


def test_goroutines_alone_are_worth_a_session(path: Path) -> None:
    with ScriptedServer({**go_process(), HEAP: answers(b"", 500)}) as server:
        session = capture(server, path)
    assert kinds(session) == ALL - {"heap_text", "heap_pprof", "symbols"}


def test_a_gzip_bomb_is_refused_or_kept_raw_and_read_within_bounds(path: Path) -> None:
    packed = gzip.compress(bytes(200 << 20), 9)
    bomb = answers(packed, 200, "text/plain", "Content-Encoding: gzip")
    with ScriptedServer({**go_process(), METRICS: bomb}) as server:
        assert "larger than 1,048,576 bytes" in blanks(capture(server, path))["metrics"]
    with ScriptedServer({**go_process(), METRICS: answers(packed)}) as server:
        session = capture(server, path.with_name("raw"))
    assert "metrics" in kinds(session)
    assert "does not parse" in {b.what: b.why for b in observe_session(session).not_captured}["metrics"]


def test_what_a_proxy_packed_is_unpacked_and_a_profile_stays_a_gzip_file(path: Path) -> None:
    scripts = go_process()
    packed = answers(
        gzip.compress((GOLDEN / "metrics.txt").read_bytes()), 200, "text/plain", "Content-Encoding: gzip"
    )
    with ScriptedServer({**scripts, METRICS: packed}) as server:
        session = capture(server, path)
    of_kind = {artifact.kind: artifact.data for artifact in session.artifacts}
    assert of_kind["metrics"] == (GOLDEN / "metrics.txt").read_bytes()
    assert of_kind["heap_pprof"] == (GOLDEN / "heap.pb.gz").read_bytes()


def test_an_answer_that_came_at_the_second_attempt_says_so(path: Path) -> None:
    scripts = go_process()
    with ScriptedServer({**scripts, METRICS: in_turn(answers(b"", 503), scripts[METRICS])}) as server:
        session = capture(server, path, CapturePlan(most=Limits(5, 1 << 20)))
    attempts = {artifact.kind: artifact.attempts for artifact in session.artifacts}
    assert attempts["metrics"] == 2 and set(attempts.values()) == {1, 2}


def test_a_service_behind_a_login_is_captured_and_the_secret_is_nowhere(path: Path) -> None:
    secret = "Bearer s3cret-of-the-proxy"  # noqa: S105 - it opens nothing
    behind = {where: wanting(secret, script) for where, script in go_process().items()}
    with ScriptedServer({**behind, AGENT: agent()}) as server:
        target = parse_target(server.url)
        with pytest.raises(UnexpectedAnswer, match="HTTP 401"):
            capture_session(target, path, PLAN)
        plan = CapturePlan(agent_token=TOKEN, most=PLAN.most)
        capture_session(target, path, plan, Connection(authorization=secret))
    assert kinds(read_session(path)) == ALL | {"agent_maps"}, "the agent saw its own token"
    for word in (secret, TOKEN):
        assert word.encode() not in path.read_bytes() and word not in repr((target, plan, Connection(secret)))


def test_a_unix_socket_is_a_target(path: Path, tmp_path: Path) -> None:
    with ScriptedServer({**go_process(), AGENT: agent()}, socket_path=tmp_path / "app.sock") as server:
        session = capture(server, path, CapturePlan(agent_token=TOKEN, most=PLAN.most))
    assert session.target == f"unix://{tmp_path}/app.sock"
    assert kinds(session) == ALL | {"agent_maps"}
    assert session.artifacts[0].source.startswith(f"unix://{tmp_path}/app.sock/")


def test_truncated_heap_text_leaves_the_profile(path: Path) -> None:
    cut = answers(HEAP_TEXT[: len(HEAP_TEXT) // 2])
    with ScriptedServer({**go_process(), HEAP: by_query("debug=1", cut, PPROF)}) as server:
        session = capture(server, path)
        assert server.asked(SYMBOL) == []
    assert blanks(session)["symbols"].startswith("not asked for: ")
    seen = observe_session(session)
    assert seen.captures[0].heap is not None and not seen.captures[0].heap.frames_restored
    assert any(blank.what == "heap_text" and "does not parse" in blank.why for blank in seen.not_captured)


def test_many_goroutines_are_counted_and_not_dumped(path: Path) -> None:
    counts = b"goroutine profile: total 20001\n20001 @ 0x1\n#\t0x1\tmain.f+0x1\t\tmain.go:1\n"
    with ScriptedServer({**go_process(), GOROUTINE: answers(counts)}) as server:
        session = capture(server, path)
        assert sorted(request.query for request in server.asked(GOROUTINE)) == ["", "debug=1"]
    assert "20,001 goroutines would stop the service" in blanks(session)["goroutine_text"]


@pytest.mark.parametrize(
    "page",
    [
        b"process_resident_memory_bytes 1.2.3\n",
        b"process_resident_memory_bytes 1e999\n",
        b"process_resident_memory_bytes ++\n",
    ],
)
def test_a_metrics_page_that_makes_no_sense_ends_nothing(page: bytes, path: Path) -> None:
    with ScriptedServer({**go_process(), METRICS: answers(page)}) as server:
        assert capture(server, path, CapturePlan(0.3, most=PLAN.most)).complete


def test_a_count_of_five_thousand_digits_ends_nothing(path: Path) -> None:
    counts = answers(b"goroutine profile: total " + b"9" * 5000 + b"\n")
    with ScriptedServer({**go_process(), GOROUTINE: counts}) as server:
        assert "goroutine_text" in blanks(capture(server, path))


def test_the_token_goes_to_the_agent_alone_and_stays_out_of_the_file(path: Path) -> None:
    plan = CapturePlan(agent_token=TOKEN, most=PLAN.most)
    with ScriptedServer({**go_process(), AGENT: agent()}) as server:
        session = capture(server, path, plan)
        told = {request.path for request in server.requests if TOKEN in repr(request)}
    assert told == {AGENT}
    assert TOKEN.encode() not in path.read_bytes()
    assert TOKEN not in repr(plan)
    (seen,) = observe_session(session).captures
    assert seen.registered_maps is not None
    assert [(each.name, each.entries) for each in seen.registered_maps] == [("main.store.sessions", 12)]


def test_an_agent_that_redirects_gets_nobodys_token(path: Path) -> None:
    with ScriptedServer() as thief, ScriptedServer(go_process()) as server:
        server.scripts[AGENT] = redirects(thief.url + AGENT)
        session = capture(server, path, CapturePlan(agent_token=TOKEN, most=PLAN.most))
        assert thief.requests == []
    assert "which is not followed" in blanks(session)["agent_maps"]


def test_another_token_is_asked_for(path: Path) -> None:
    with ScriptedServer({**go_process(), AGENT: agent("right")}) as server:
        session = capture(server, path, CapturePlan(agent_token=f"not {TOKEN}", most=PLAN.most))
    assert blanks(session)["agent_maps"].startswith("the agent in this service wants another token")


def test_a_forced_gc_is_asked_for_once_a_visit_and_on_record(path: Path) -> None:
    with ScriptedServer(go_process()) as server:
        session = capture(server, path, CapturePlan(0.2, force_gc=True, most=PLAN.most))
        assert [request.query for request in server.asked(HEAP) if "gc=1" in request.query] == [
            "debug=1&gc=1"
        ] * 2
    assert {a.source for a in session.artifacts if a.kind == "heap_text"} == {
        server.url + HEAP + "?debug=1&gc=1"
    }
