"""Sessions recorded from a scripted server, and what is in them and what is not."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.limits import Limits
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import read_session
from mapmedic.capture.targets import parse_target
from mapmedic.model.session import Session
from tests.support.scripted_server import ScriptedServer

HEAP = "/debug/pprof/heap"
PLAN = CapturePlan(most=Limits(seconds=2.0, max_bytes=1 << 20))
ALL = {
    "heap_text", "heap_pprof", "goroutine_text1", "goroutine_text", "metrics", "cmdline", "symbols", "expvar",
    "allocs_pprof", "goroutine_pprof", "mutex_pprof", "block_pprof",
}  # fmt: skip


def capture(server: ScriptedServer, path: Path, plan: CapturePlan = PLAN) -> Session:
    capture_session(parse_target(server.url), path, plan)
    assert not path.with_name(path.name + ".partial").exists()
    return read_session(path)


def kinds(session: Session) -> set[str]:
    return {artifact.kind for artifact in session.artifacts}


def blanks(session: Session) -> dict[str, str]:
    return {blank.what: blank.why for blank in session.not_captured}
