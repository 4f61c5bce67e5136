"""A capture against a real loopback server: what came is kept, what did not is a blank that says why."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from mapmedic.capture import endpoints
from mapmedic.capture.limits import Limits
from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import CouldNotLook, TargetUnreachable, UnexpectedAnswer
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.connection import Connection
from mapmedic.model.session import Session
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
    symbols,
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

HEAP = "/debug/pprof/heap"
HEAP_TEXT = (GOLDEN / "heap.txt").read_bytes()
PPROF = answers((GOLDEN / "heap.pb.gz").read_bytes())
PLAN = CapturePlan(most=Limits(seconds=2.0, max_bytes=1 << 20))
ALL = {
    "heap_text", "heap_pprof", "goroutine_text1", "goroutine_text", "metrics", "cmdline", "symbols", "expvar",
    "allocs_pprof", "goroutine_pprof", "mutex_pprof", "block_pprof",
}  # fmt: skip
LOGIN = answers(b"<!doctype html><title>Sign in</title>", 200, "text/html")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.mapmedic"


def capture(server: ScriptedServer, path: Path, plan: CapturePlan = PLAN) -> Session:
    capture_session(parse_target(server.url), path, plan)
    assert not path.with_name(path.name + ".partial").exists()
    return read_session(path)


def kinds(session: Session) -> set[str]:
    return {artifact.kind for artifact in session.artifacts}


def blanks(session: Session) -> dict[str, str]:
    return {blank.what: blank.why for blank in session.not_captured}


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


@pytest.mark.parametrize(
    "names",
    [
        dict.fromkeys(parse_symbols((GOLDEN / "symbols.txt").read_bytes()), "nginx.worker"),
        {pc + 1: name for pc, name in parse_symbols((GOLDEN / "symbols.txt").read_bytes()).items()},
    ],
    ids=["another binary's names", "other addresses"],
)
def test_a_lying_symbol_endpoint_is_not_believed(names: dict[int, str], path: Path) -> None:
    with ScriptedServer({**go_process(), SYMBOL: symbols(names)}) as server:
        session = capture(server, path)
    if not any(
        artifact.kind == "symbols" and artifact.data.count(b"\n") > 1 for artifact in session.artifacts
    ):
        pytest.skip("the other addresses fell into gaps")
    seen = observe_session(session)
    assert seen.captures[0].heap is not None and not seen.captures[0].heap.frames_restored
    assert any(blank.what == "symbols" and "not used" in blank.why for blank in seen.not_captured)


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


def test_a_name_once_given_is_not_asked_for_again(path: Path) -> None:
    with ScriptedServer(go_process()) as server:
        capture(server, path, CapturePlan(0.2, most=PLAN.most))
        assert (len(server.asked(HEAP)), len(server.asked(SYMBOL))) == (4, 1)


def test_symbols_are_asked_once_and_again_only_where_that_failed(path: Path) -> None:
    honest = go_process()[SYMBOL]
    with ScriptedServer({**go_process(), SYMBOL: in_turn(answers(b"", 500), honest)}) as server:
        session = capture(server, path, CapturePlan(0.2, most=PLAN.most))
        assert len(server.asked(SYMBOL)) == 2
    heaps = [capture.heap for capture in observe_session(session).captures]
    assert all(heap is not None and heap.frames_restored for heap in heaps)


def test_all_symbol_batches_share_one_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mapmedic.capture.questions.symbol_query", lambda new: [hex(pc) for pc in list(new)[:50]]
    )
    with ScriptedServer({**go_process(), SYMBOL: hangs}) as server:
        session = capture(server, path)
        assert len(server.asked(SYMBOL)) == 1, "one that does not answer is not asked forty-nine times more"
    assert "symbols" in blanks(session)


def test_a_text_with_endless_frames_is_not_asked_about(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MAX_SYMBOLS_ASKED", 3)
    with ScriptedServer(go_process()) as server:
        assert "frames to name" in blanks(capture(server, path))["symbols"]
        assert server.asked(SYMBOL) == []


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


def test_a_target_that_dies_midway_leaves_what_it_said(path: Path) -> None:
    def dies(_what: str, _share: float) -> None:
        if server.asked(SYMBOL):
            server.stop()

    with ScriptedServer(go_process()) as server:
        plan = CapturePlan(4.0, visits=3, most=PLAN.most)
        capture_session(parse_target(server.url), path, plan, progress=dies)
    session = read_session(path)
    assert session.complete
    assert kinds(session) >= ALL
    assert set(blanks(session)) == {"agent_maps", "capture 2 of 3", "capture 3 of 3"}
    assert "nothing answered any more: no answer from http" in blanks(session)["capture 3 of 3"]
    assert len(observe_session(session).captures) == 1


def test_one_endpoint_that_dies_midway_is_named_with_its_visit(path: Path) -> None:
    scripts = go_process()
    with ScriptedServer(
        {**scripts, GOROUTINE: in_turn(scripts[GOROUTINE], scripts[GOROUTINE], answers(b"", 500))}
    ) as server:
        session = capture(server, path, CapturePlan(0.2, most=PLAN.most))
    assert (
        blanks(session)["goroutine_text1"] == "capture 2 of 2: it answered with HTTP 500; no goroutine counts"
    )
    assert sum(blank.what == "agent_maps" for blank in session.not_captured) == 1


def test_a_bug_midway_leaves_a_readable_partial(path: Path) -> None:
    def breaks(what: str, _share: float) -> None:
        if what == "capture 2 of 2":
            raise RuntimeError("a bug")

    with ScriptedServer(go_process()) as server, pytest.raises(RuntimeError):
        capture_session(parse_target(server.url), path, CapturePlan(0.2, most=PLAN.most), progress=breaks)
    session = read_session(path.with_name(path.name + ".partial"))
    assert not session.complete
    assert kinds(session) >= ALL and "agent_maps" in blanks(session)
    assert any(blank.what == "session" for blank in observe_session(session).not_captured)


def test_a_full_disk_is_an_error_with_a_readable_partial(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SessionWriter._write

    def full(self: SessionWriter, name: str, *rest: object) -> None:
        if name.endswith("symbols"):
            raise OSError(28, os.strerror(28))
        real(self, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(SessionWriter, "_write", full)
    with (
        ScriptedServer(go_process()) as server,
        pytest.raises(CouldNotLook, match=r"No space left.*\.partial"),
    ):
        capture_session(parse_target(server.url), path, PLAN)
    assert kinds(read_session(path.with_name(path.name + ".partial"))) == ALL - {"symbols"}


@pytest.mark.parametrize(
    ("seconds", "visits", "moments"),
    [(0, 4, 1), (0.001, 4, 2), (4, 4, 3), (30, 4, 4), (86400, 100, 100)],
)
def test_moments(seconds: float, visits: int, moments: int) -> None:
    plan = CapturePlan(seconds, visits)
    assert len(plan.moments) == moments
    assert (plan.moments[0], plan.moments[-1]) == (0, seconds)


def test_a_day_has_no_more_polls_than_ten_minutes() -> None:
    assert (CapturePlan(30).poll_seconds, CapturePlan(86400).poll_seconds) == (1.0, 144.0)
