"""A call as it is told: each word of the guardian, the limit, and the proof. The guardian is a list of words here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapmedic.errors import PreflightFailed, ProcessUnreadable
from mapmedic.memory.call import CallWord
from mapmedic.model.call import CallDone, CallEnd
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.units import UnixNanoseconds
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.outside.call_apply import _Course
from mapmedic.remedy.outside.call_plan import PreparedCall
from mapmedic.remedy.outside.call_proof import is_enough, prove_call
from mapmedic.remedy.outside.call_risks import risks_of
from tests.support.call_plans import call_fix_plan

LOOKING, CALLED = CallWord("looking", 70, ""), CallWord("called", 71, "")
DONE = CallWord("done", 0, "")
LOCK = MapLock(LockKind.MUTEX, 0x500, "")


class Code:
    """Stands in for the program's code: a mock."""

    def value_text(self, type_address: int, text: str) -> str:
        return f"{type_address}: {text}"


def follow(folder: Path, *said: CallWord | Exception | None, limit_ms: float = 10_000.0) -> CallDone:
    plan = call_fix_plan(limit_ms=limit_ms)
    assert plan.call is not None
    code: Any = Code()
    nothing: Any = None
    journal = Journal(folder, "f")
    course = _Course(PreparedCall(plan, plan.call, nothing, nothing, code), journal, lambda *_: None)
    try:
        return course.follow(hearing(*said))
    finally:
        journal.close()


def hearing(*said: CallWord | Exception | None) -> Callable[[float], CallWord | None]:
    left = list(said)

    def hear(_seconds: float) -> CallWord | None:
        word = left.pop(0)
        if isinstance(word, Exception):
            raise word
        return word

    return hear


GONE = ProcessUnreadable(7, "the guardian has ended", "ended")


def test_a_function_that_comes_back_was_let_go_when_that_is_said(tmp_path: Path) -> None:
    done = follow(tmp_path, LOOKING, None, CALLED, None, CallWord("returned", 0, ""), DONE)
    assert (done.end, done.thread, done.guardian, done.is_let_go) == (CallEnd.RETURNED, 71, 70, True)
    lost = follow(tmp_path, LOOKING, CALLED, CallWord("returned", 0, ""), GONE)
    assert (lost.end, lost.is_let_go) == (CallEnd.RETURNED, False)


def test_a_panic_is_told_with_what_it_says(tmp_path: Path) -> None:
    done = follow(tmp_path, LOOKING, CALLED, CallWord("panicked", 9, "no"), DONE)
    assert (done.end, done.panic, done.is_let_go) == (CallEnd.PANICKED, "9: no", True)


def test_after_the_limit_it_is_told_that_it_still_runs(tmp_path: Path) -> None:
    done = follow(tmp_path, LOOKING, CALLED, None, limit_ms=0.0)
    assert (done.end, done.guardian, done.is_let_go) == (CallEnd.RUNNING, 70, False)


def test_no_thread_is_a_refusal_and_a_guardian_that_ends_early_an_error(tmp_path: Path) -> None:
    with pytest.raises(PreflightFailed, match="3 times: call not at safe point"):
        follow(tmp_path, LOOKING, CallWord("refused", 0, "3 times: call not at safe point"))
    with pytest.raises(PreflightFailed, match="none ran Go code"):
        follow(tmp_path, LOOKING, CallWord("refused", 0, ""))
    with pytest.raises(ProcessUnreadable):
        follow(tmp_path, LOOKING, GONE)
    assert follow(tmp_path, LOOKING, CALLED, GONE).end is CallEnd.LOST
    assert follow(tmp_path, LOOKING, CALLED, CallWord("lost", 71, "")).end is CallEnd.LOST


def point(rss: int) -> MemoryPoint:
    return MemoryPoint(UnixNanoseconds(1), rss, None)


@pytest.mark.parametrize(
    ("end", "let_go", "drop", "after", "passed"),
    [
        (CallEnd.RETURNED, True, None, 100, True),
        (CallEnd.RETURNED, True, 0.4, 70, False),
        (CallEnd.RETURNED, True, 0.4, 50, True),
        (CallEnd.RETURNED, False, None, 50, False),
        (CallEnd.PANICKED, True, None, 50, False),
        (CallEnd.RUNNING, False, None, 50, False),
        (CallEnd.LOST, True, None, 50, False),
        (CallEnd.RETURNED, True, None, None, False),
    ],
)
def test_the_proof_asks_for_the_return_and_for_memory_where_there_is_a_bar(
    end: CallEnd, let_go: bool, drop: float | None, after: int | None, passed: bool
) -> None:
    done = CallDone(end, 1, 2, 3.0, "p", let_go)
    timeline = [] if after is None else [point(after)]
    proof = prove_call(point(100), timeline, done, drop, 30.0)
    assert proof.passed is passed
    assert bool(proof.next_steps) is not passed


def test_memory_is_watched_until_the_bar_is_met_or_the_time_is_up() -> None:
    before = point(100)
    assert not is_enough(before, point(100), None, 1.0, 30.0) and is_enough(
        before, point(100), None, 3.0, 30.0
    )
    assert is_enough(before, point(100), None, 1.0, 1.0)
    assert not is_enough(before, point(70), 0.4, 10.0, 30.0) and is_enough(before, point(60), 0.4, 10.0, 30.0)
    assert is_enough(before, point(100), 0.4, 30.0, 30.0)


def test_the_plan_says_in_plain_words_what_kills_the_program_and_which_locks_are_asked_for() -> None:
    wishes = (((), False), ((LOCK,), False), ((LOCK,), True))
    unknown, known, more = (" ".join(risks_of(locks, other_locks=others)) for locks, others in wishes)
    for said in (unknown, known, more):
        assert "the program dies" in said and "both wait for good" in said and "no entry is saved" in said
    assert "0x500" in known and "--lock" not in known and "--lock" in more and "0x500" not in unknown
