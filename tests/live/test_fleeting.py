"""A map, or a sync.Map, that only a goroutine holds: it may be gone at any moment, and another one lie in its place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic.errors import NoSafeMoment
from mapmedic.goheap.heap import survey_heap
from mapmedic.goheap.safe_moment import watch_map
from mapmedic.goheap.sync_moment import watch_sync_map
from mapmedic.memory.process import started_ticks
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.reset import HeaderReset, SyncReset
from mapmedic.remedy.outside.way import Watch, Way
from mapmedic.source.toolchain import GoToolchain
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "fleeting_program"
PATIENCE = Patience(budget_ms=200.0, limit_ms=2_000.0)


class Fleeting:
    """The program, and the map that its goroutine holds as it was found."""

    def __init__(self, process: subprocess.Popen[str], watch: Watch, way: Way) -> None:
        self.process, self.watch, self.way = process, watch, way

    def ask(self) -> str:
        """Let it go on, and return what it says next."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def empty(self) -> int:
        """Empty what lies where the map was found, and return how many entries went."""
        pid = self.process.pid
        return act(Job(pid, started_ticks(pid), self.watch, self.way), PATIENCE).entries


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: str(go.version))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    go: GoToolchain = request.param
    path = tmp_path_factory.mktemp("fleeting") / "fleeting"
    command = [str(go.path), "build", "-o", str(path), "."]
    subprocess.run(command, cwd=PROGRAM, env=go.environment, check=True, timeout=400)
    return path


@pytest.fixture(params=["map", "sync.Map"])
def fleeting(request: pytest.FixtureRequest, program: Path) -> Iterator[Fleeting]:
    command = [program, request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, address = process.stdout.readline().split()
            assert ready == "READY"
            heap = survey_heap(read_process(process.pid, Limits(max_pause_ms=5_000.0)))
            if request.param == "map":
                watch = watch_map(heap, int(address), ())
                yield Fleeting(process, watch, HeaderReset(watch))
            else:
                shared = watch_sync_map(heap, int(address))
                yield Fleeting(process, shared, SyncReset(shared))
        finally:
            process.kill()


def test_a_map_that_a_goroutine_holds_is_emptied(fleeting: Fleeting) -> None:
    assert fleeting.empty() == 10
    assert fleeting.ask() == "true"
    assert fleeting.ask() == "all are whole"


def test_another_map_that_lies_where_it_lay_is_not_touched(fleeting: Fleeting) -> None:
    assert fleeting.ask() == "true"
    with pytest.raises(NoSafeMoment) as refused:
        fleeting.empty()
    assert refused.value.reasons[0].startswith("moved, ")
    assert fleeting.ask() == "all are whole"
