"""A lock that is hardly ever free: the process is stopped where somebody takes it; lab/livefix checks itself.

MAPMEDIC_GO=all pytest -n0 tests/live/test_catching.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from mapmedic import _native
from mapmedic.errors import NoSafeMoment, ProcessUnreadable
from mapmedic.goheap.lock_moments import watched_words
from mapmedic.goheap.safe_moment import MapWatch
from mapmedic.memory.access import require_readable
from mapmedic.memory.catch import catch
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.model.acted import Acted
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.catching import Catching
from mapmedic.remedy.outside.moments import Polling
from mapmedic.remedy.outside.reset import HeaderReset
from tests.live.test_outside import KILLS, faults, mended, program
from tests.live.test_outside import watches as watches_on
from tests.support.livefix_program import Livefix

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
__all__ = ["program"]
# A sync.Mutex, a sync.RWMutex.
KINDS = "int-ledger,session-desk"
LEAST_FIXES, MOST_FIXES = 6, 40
HELD = ("--held", "99", "--entries", "2000")
PATIENT = Patience(budget_ms=200.0, limit_ms=60_000.0)


@pytest.fixture(scope="module")
def may_watch(may_trace: None) -> None:
    """Skip where the kernel gives no watchpoint to us."""
    if _native.watchpoint_refusal() is not None:
        pytest.skip("watchpoints are not allowed here: mapmedic doctor says why")


def empty_by_catching(service: Livefix, watch: MapWatch, patience: Patience = PATIENT) -> Acted:
    pid = service.process.pid
    polling = Polling(pid, require_readable(pid), watch, patience.budget_ms)
    finder = Catching(polling, polls_for_ms=0.0)
    done = act(Job(pid, started_ticks(pid), watch, HeaderReset(watch), finder=finder), patience)
    assert finder.why_not == ""
    return done


def is_traced_by_nobody_and_runs(service: Livefix) -> bool:
    tasks = [read_facts(int(each.name)) for each in Path(f"/proc/{service.process.pid}/task").iterdir()]
    return all(each.tracer_pid == 0 and each.state in "RSD" for each in tasks)


@pytest.mark.usefixtures("may_watch")
def test_a_map_is_emptied_under_a_lock_that_is_nearly_always_held(program: Path) -> None:
    taken = 0
    with Livefix(program, KINDS, *HELD) as service:
        watched = [each for each in watches_on(service) if HeaderReset(each[1]).is_one_write]
        for number, (kind, watch) in enumerate(watched * MOST_FIXES):
            if taken and number >= LEAST_FIXES:
                break
            with mended(service):
                done = empty_by_catching(service, watch)
            assert done.entries > 0
            taken += any("stands" in each for each in done.stages[0].evidence)
            service.post("refill", kind)
            assert is_traced_by_nobody_and_runs(service)
        for kind in KINDS.split(","):
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}
    assert taken  # and not only met free, right behind its release


@pytest.mark.usefixtures("may_watch")
def test_who_is_caught_stands_right_behind_the_write(program: Path) -> None:
    with Livefix(program, KINDS, *HELD, "--gc-every", "0") as service:
        facts = require_readable(service.process.pid)
        for _, watch in watches_on(service):
            words = watched_words(watch.locks)
            for _ in range(20):
                with catch(service.process.pid, facts, words, 10_000.0, 5_000.0) as held:
                    assert held is not None and held.writes
                    assert {each.address for each in held.writes} <= {each.address for each in words}
                    assert {each.thread for each in held.writes} <= {each.id for each in held.threads}
        assert faults(service) == {}


@pytest.mark.usefixtures("may_watch")
def test_nobody_takes_it_and_that_is_what_the_refusal_says(program: Path) -> None:
    arguments = ("--held", "99", "--hold-for", "1h", "--hold-asleep", "--entries", "100")
    with Livefix(program, "int-ledger", *arguments) as service:
        ((_, watch),) = watches_on(service)
        with pytest.raises(NoSafeMoment) as refused:
            empty_by_catching(service, watch, Patience(limit_ms=500.0))
        assert any("nobody took or freed it for 50 ms" in each for each in refused.value.reasons)
        assert is_traced_by_nobody_and_runs(service)


def test_where_the_kernel_gives_no_watchpoint_it_goes_on_looking(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:  # a mock of a kernel that forbids it
        raise _native.WindowFailed("no_watchpoint", 13, "")

    monkeypatch.setattr(_native, "catch_write", refuse)
    arguments = ("--held", "99", "--hold-for", "1h", "--hold-asleep", "--entries", "100")
    with Livefix(program, "int-ledger", *arguments) as service:
        ((_, watch),) = watches_on(service)
        pid = service.process.pid
        finder = Catching(Polling(pid, require_readable(pid), watch, 200.0), polls_for_ms=0.0)
        with pytest.raises(NoSafeMoment) as refused:
            act(
                Job(pid, started_ticks(pid), watch, HeaderReset(watch), finder=finder),
                Patience(limit_ms=300.0),
            )
    assert "and cannot be watched: the kernel gives no watchpoint" in refused.value.reasons[0]
    assert refused.value.tries > 5


@pytest.mark.parametrize("watches", [True, False])
def test_a_lock_is_watched_only_where_that_is_wanted(
    program: Path, monkeypatch: pytest.MonkeyPatch, *, watches: bool
) -> None:
    asked = []

    def nothing_caught(*words: object) -> None:  # a mock of a lock that nobody takes
        asked.append(words)
        raise _native.WindowFailed("nothing_caught", 0, "")

    monkeypatch.setattr(_native, "catch_write", nothing_caught)
    arguments = ("--held", "99", "--hold-for", "1h", "--hold-asleep", "--entries", "100")
    with Livefix(program, "int-ledger", *arguments) as service:
        ((_, watch),) = watches_on(service)
        pid = service.process.pid
        job = Job(pid, started_ticks(pid), watch, HeaderReset(watch), watches_locks=watches)
        with pytest.raises(NoSafeMoment):
            act(job, Patience(limit_ms=1_500.0))
    assert bool(asked) == watches


@pytest.mark.usefixtures("may_watch")
def test_what_somebody_stops_stays_stopped_and_goes_on_when_he_says(program: Path) -> None:
    arguments = ("--held", "99", "--hold-for", "1h", "--hold-asleep", "--entries", "100")
    with Livefix(program, "int-ledger", *arguments) as service:
        ((_, watch),) = watches_on(service)
        pid = service.process.pid
        child = os.fork()
        if child == 0:
            while True:
                with catch(pid, require_readable(pid), watched_words(watch.locks), 20.0, 200.0):
                    pass
        try:
            for _ in range(5):
                os.kill(pid, signal.SIGSTOP)
                wait_for_state(pid, "Tt")
                os.kill(pid, signal.SIGCONT)
                wait_for_state(pid, "RS")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        wait_for_state(pid, "RS")
        assert is_traced_by_nobody_and_runs(service)


def wait_for_state(pid: int, states: str) -> None:
    until = time.monotonic() + 20
    while read_facts(pid).state not in states:
        assert time.monotonic() < until, read_facts(pid).state
        time.sleep(0.01)


@pytest.mark.usefixtures("may_watch")
def test_killed_at_any_moment_we_leave_a_program_that_runs_and_maps_that_are_whole(program: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - moments, no secrets
    with Livefix(program, KINDS, *HELD) as service:
        watched = [each for each in watches_on(service) if HeaderReset(each[1]).is_one_write]
        for _ in range(KILLS):
            with mended(service):
                child = os.fork()
                if child == 0:
                    while True:
                        for _, watch in watched:
                            empty_by_catching(service, watch)
                time.sleep(chance.uniform(0.0, 0.3))  # a moment is what is wanted
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            assert faults(service) == {}
            assert is_traced_by_nobody_and_runs(service)
        for kind, _ in watched:
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


def test_a_process_that_ended_is_told(program: Path) -> None:
    with Livefix(program, "int-ledger", "--entries", "100") as service:
        facts = require_readable(service.process.pid)
    with pytest.raises(ProcessUnreadable), catch(service.process.pid, facts, (), 10.0, 10.0):
        pass
