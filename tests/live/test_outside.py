"""Maps of a busy program emptied from outside, which checks itself all the time (lab/livefix).

MAPMEDIC_GO=all pytest -n0 tests/live/test_outside.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import parse_target
from mapmedic.errors import NoSafeMoment, ProcessUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.safe_moment import MapWatch, watch_map
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import read_facts, started_ticks
from mapmedic.memory.stop import stop
from mapmedic.model.acted import Acted
from mapmedic.model.inventory import Limits
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.reset import HeaderReset
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import toolchains
from tests.live.test_ways import CONTAINED, NEEDS_ROOT, children_of
from tests.support.livefix_program import Livefix, build_livefix

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
# What guards itself: test_sync_reset.py.
MAPS = "any-index,generic-cache,global-rates,int-ledger,point-grid,session-desk,small-flags,wide-archive"
ENTRIES = 5_000
ROUNDS = int(os.environ.get("MAPMEDIC_FIXES", "2"))
KILLS = int(os.environ.get("MAPMEDIC_KILLS", "12"))
# The machine that tests run on is busy with other things as well.
PATIENT = Patience(budget_ms=200.0, limit_ms=60_000.0)


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: go.version)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go: GoToolchain = request.param
    yield build_livefix(go, tmp_path_factory.mktemp("livefix"))


def watches(service: Livefix) -> list[tuple[str, MapWatch]]:
    return watches_of(service.process.pid, service.get("truth")["kinds"])


def watches_of(pid: int, kinds: dict[str, Any]) -> list[tuple[str, MapWatch]]:
    """Kind of map -> how it is watched, one for each map."""
    heap = look(pid)
    return [
        (kind, watch_map(heap, each["map"], (lock_of(each),)))
        for kind in kinds for each in kinds[kind]["places"]
    ]  # fmt: skip


def look(pid: int) -> GoHeap:
    for tries_left in reversed(range(5)):
        try:
            return capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))[0]
        except ProcessUnreadable:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def empty_map(pid: int, watch: MapWatch, patience: Patience) -> Acted:
    return act(Job(pid, started_ticks(pid), watch, HeaderReset(watch)), patience)


def lock_of(place: dict[str, Any]) -> MapLock:
    return MapLock(LockKind(place["lock_kind"]), place["lock"], "the lab says so")


def faults(service: Livefix) -> dict[str, int]:
    """What it found wrong with its own maps, and that it is there to be asked."""
    assert service.process.poll() is None
    return {name: count for name, count in service.get("stats")["faults"].items() if count}


def entries(service: Livefix, kind: str) -> int:
    return int(service.get("stats")["kinds"][kind]["entries"])


@contextmanager
def mended(service: Livefix) -> Iterator[None]:
    """Tell it that entries may go meanwhile."""
    service.post("begin")
    try:
        yield
    finally:
        service.post("end")


def assert_let_go(pid: int) -> None:
    """It runs, and nobody traces it: a guardian, which holds it for a header on two pages, has gone soon."""
    until = time.monotonic() + PATIENT.budget_ms / 1e3
    while read_facts(pid).tracer_pid and time.monotonic() < until:
        time.sleep(0.001)
    facts = read_facts(pid)
    assert facts.tracer_pid == 0 and facts.state in "RS"


def test_every_map_is_emptied_and_the_program_finds_nothing_wrong(program: Path) -> None:
    with Livefix(program, MAPS, "--entries", str(ENTRIES), "--rate", "200") as service:
        watched = watches(service)
        assert len(watched) > 5
        for _ in range(ROUNDS):
            for kind, watch in watched:
                before = entries(service, kind)
                with mended(service):
                    done = empty_map(service.process.pid, watch, PATIENT)
                assert done.entries > 0 and len(done.evidence) == 7
                assert "was read again in the same stop: it is there" in done.evidence[-1]
                if before > 1_000:
                    assert entries(service, kind) < before / 2
                service.post("refill", kind)
            assert faults(service) == {}
        for kind, watch in watched:
            with mended(service):
                empty_map(service.process.pid, watch, PATIENT)
            # insert, look up, len, range, clone, delete, clear, on what was emptied a moment ago.
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


@pytest.mark.parametrize("where", ["range", "reflect", "pull"])
def test_a_live_iterator_is_seen_wherever_it_is_kept(program: Path, where: str) -> None:
    if where == "pull" and ("1.21" in program.name or "1.22" in program.name):
        pytest.skip("iter.Pull came with Go 1.23")
    arguments = (
        "--iterators",
        "1",
        "--iterator",
        where,
        "--walk-every",
        "1s",
        "--gc-every",
        "1s",
        "--rate",
        "20",
    )
    with Livefix(program, "session-desk,int-ledger", *arguments) as service:
        for kind, watch in watches(service):
            before = entries(service, kind)
            with pytest.raises(NoSafeMoment) as refused:
                empty_map(service.process.pid, watch, Patience(budget_ms=200.0, limit_ms=1_500.0))
            assert any(each.startswith("iterator, ") for each in refused.value.reasons), refused.value
            assert entries(service, kind) > before / 2
        assert faults(service) == {}


def test_an_iterator_that_was_made_since_the_look_yields_nothing_that_is_gone(program: Path) -> None:
    walks = ("--iterators", "1", "--iterator", "reflect", "--walk-every", "20us", "--walk-rest", "300ms")
    with Livefix(program, "any-index", "--entries", str(ENTRIES), *walks) as service:
        ((_, watch),) = watches(service)
        for _ in range(ROUNDS * 3):
            with mended(service), suppress(NoSafeMoment):
                empty_map(service.process.pid, watch, PATIENT)
            walked = service.get("stats")["kinds"]["any-index"]["walked"]
            service.wait_for(lambda stats, seen=walked: stats["kinds"]["any-index"]["walked"] > seen + 20)
            service.post("refill", "any-index")
        assert faults(service) == {}


def test_a_lock_that_is_always_held_ends_in_a_refusal(program: Path) -> None:
    with Livefix(program, "session-desk", "--held", "99", "--hold-for", "1h", "--hold-asleep") as service:
        ((_, watch),) = watches(service)
        with pytest.raises(NoSafeMoment) as refused:
            empty_map(service.process.pid, watch, Patience(limit_ms=500.0))
    assert refused.value.exit_code == 4
    assert refused.value.reasons[0].startswith("locked, ") and refused.value.tries > 5


def test_killed_at_any_moment_we_leave_a_program_that_runs_and_maps_that_are_whole(program: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - moments, no secrets
    with Livefix(program, "session-desk,small-flags", "--entries", "2000", "--rate", "50") as service:
        watched = watches(service)
        for _ in range(KILLS):
            with mended(service):
                child = os.fork()
                if child == 0:
                    while True:
                        for _, watch in watched:
                            empty_map(service.process.pid, watch, PATIENT)
                time.sleep(chance.uniform(0.0, 0.3))  # a moment is what is wanted
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            assert_let_go(service.process.pid)
            assert faults(service) == {}
        for kind, _ in watched:
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


@NEEDS_ROOT
def test_threads_of_a_container_are_known_by_its_own_numbers(program: Path) -> None:
    command = [*CONTAINED, str(program), "session-desk", "--entries", str(ENTRIES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as unshare:
        assert unshare.stdout is not None
        url = unshare.stdout.readline().split()[2]
        (pid,) = children_of(unshare.pid)
        try:
            with urllib.request.urlopen(f"{url}/livefix/truth", timeout=60) as answer:
                ((_, watch),) = watches_of(pid, json.load(answer)["kinds"])
            with stop(pid, require_readable(pid), PATIENT.budget_ms) as held:
                assert 1 in {each.id for each in held.threads}
            assert empty_map(pid, watch, PATIENT).entries > 0
        finally:
            os.kill(pid, signal.SIGKILL)
