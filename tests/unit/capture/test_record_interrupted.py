"""A capture that something breaks off midway leaves what it has, readable, and says what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import CouldNotLook
from tests.support.go_process import GOROUTINE, SYMBOL, go_process, in_turn
from tests.support.scripted_server import ScriptedServer, answers
from tests.unit.capture.recorded import ALL, PLAN, blanks, capture, kinds


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
