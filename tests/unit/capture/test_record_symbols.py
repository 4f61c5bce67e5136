"""Frames that the text hides are named by the symbol endpoint: asked once, within limits, and not believed blindly."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic.capture import endpoints
from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.formats.symbols import parse_symbols
from tests.support.go_process import GOLDEN, SYMBOL, go_process, in_turn, symbols
from tests.support.scripted_server import ScriptedServer, answers, hangs
from tests.unit.capture.recorded import HEAP, PLAN, blanks, capture


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
