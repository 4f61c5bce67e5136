"""Entries evicted from the maps of a busy program that checks itself all the time, iterators and all (lab/livefix)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import parse_target
from mapmedic.errors import CouldNotLook
from mapmedic.goheap.entry_choice import choose_entries
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.safe_moment import watch_map
from mapmedic.memory.process import started_ticks
from mapmedic.model.inventory import Limits
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_outside import entries, faults, lock_of, mended
from tests.support.livefix_program import Livefix, build_livefix
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PATIENT = Patience(budget_ms=200.0, limit_ms=60_000.0)
MAPS = "any-index,int-ledger,point-grid,session-desk,small-flags,wide-archive"
EVEN = parse_condition("key regex [02468]$")


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: go.version)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go: GoToolchain = request.param
    yield build_livefix(go, tmp_path_factory.mktemp("livefix"))


def look(pid: int) -> GoHeap:
    """The heap; a machine that is busy with other things may need a second look."""
    for _ in range(4):
        with suppress(CouldNotLook):
            return capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))[0]
    return capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))[0]


def evict(service: Livefix, kind: str, conditions: list[str]) -> Eviction:
    pid = service.process.pid
    heap = look(pid)
    (place,) = service.get("truth")["kinds"][kind]["places"]
    where = [parse_condition(each) for each in conditions]
    way = Eviction(choose_entries(heap, place["map"], where, 0))
    watch = replace(watch_map(heap, place["map"], (lock_of(place),)), minds_iterators=False)
    with mended(service):
        done = act(Job(pid, started_ticks(pid), watch, way), PATIENT)
    assert done.whole and done.entries == way.gone
    return way


@pytest.mark.parametrize("iterator", ["range", "reflect"])
def test_evicted_under_traffic_and_iterators_the_program_finds_nothing_wrong(
    program: Path, iterator: str
) -> None:
    arguments = ("--entries", "2000", "--rate", "100", "--iterators", "1", "--iterator", iterator)
    with Livefix(program, MAPS, *arguments) as service:
        for kind in MAPS.split(","):
            before = entries(service, kind)
            way = evict(service, kind, [])
            if before > 8:  # of a few entries most may be written between the choice and the stop
                assert way.gone > before / 2 and entries(service, kind) < before
        assert faults(service) == {}
        for kind in MAPS.split(","):
            assert service.post("exercise", kind) == {kind: []}
        assert faults(service) == {}


def test_only_what_fits_goes(program: Path) -> None:
    with Livefix(
        program, "session-desk", "--entries", "2000", "--writers", "1", "--deleters", "0", "--rate", "1"
    ) as service:
        before = entries(service, "session-desk")
        way = evict(service, "session-desk", [EVEN.text])
        assert 0.9 * before / 2 < way.gone <= before / 2 + 1
        assert entries(service, "session-desk") >= before / 2 - 20
        assert evict(service, "session-desk", ["key prefix nobody"]).gone == 0
        assert faults(service) == {}
