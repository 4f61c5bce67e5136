"""Several files of one process are one observation; files of two are not, and say so."""

from __future__ import annotations

import pytest

from mapmedic.capture.merge import merge_observations
from mapmedic.capture.observe import observe_session
from mapmedic.errors import UsageError
from mapmedic.model.observation import Observation
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds
from tests.support.go_process import GOLDEN

HEAP_TEXT = (GOLDEN / "heap.txt").read_bytes()
BORN = 1_795_000_000


def seen(name: str, second: int, born: float | None = None, program: str | None = None) -> Observation:
    at = UnixNanoseconds((BORN + second) * 10**9)
    artifacts = [Artifact("heap_text", 0, at, "http://svc", HEAP_TEXT)]
    if born is not None:
        page = f"process_start_time_seconds {BORN + born}\n".encode()
        artifacts.append(Artifact("metrics", 0, at, "http://svc", page))
    if program is not None:
        artifacts.append(Artifact("cmdline", 0, at, "http://svc", program.encode()))
    return observe_session(Session(name, "0.1.0", tuple(artifacts), (), complete=True))


def test_one_process_by_its_start_even_where_the_clock_was_set() -> None:
    merged = merge_observations([seen("b", 200, born=1.9), seen("a", 100, born=0), seen("raw", 150)])
    assert [capture.at // 10**9 - BORN for capture in merged.captures] == [100, 150, 200]
    assert merged.not_captured == ()


def test_what_is_from_before_a_restart_is_left_out_and_named() -> None:
    merged = merge_observations([seen("after", 200, born=150), seen("before", 100, born=0)])
    assert [capture.at // 10**9 - BORN for capture in merged.captures] == [200]
    (blank,) = merged.not_captured
    assert (blank.what, blank.why) == ("before", "not compared: the service was restarted 50 s after it")
    assert merged.process.started_at_seconds == BORN + 150


def test_two_that_ran_at_the_same_time_are_not_one() -> None:
    with pytest.raises(UsageError, match=r"one\.mapmedic is of a process that still ran") as caught:
        merge_observations([seen("one.mapmedic", 200, born=0), seen("two.mapmedic", 100, born=50)])
    assert "replicas" in str(caught.value)


def test_two_programs_are_not_one_whatever_their_arguments() -> None:
    first = seen("a", 1, program="/app/server\0--password=s3cret")
    assert merge_observations([first, seen("b", 2, program="/usr/bin/server\0--other")]).captures
    with pytest.raises(UsageError, match=r"'server'.*'worker'") as caught:
        merge_observations([first, seen("b", 2, program="worker")])
    assert "s3cret" not in str(caught.value)
