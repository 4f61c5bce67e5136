"""Kill the tool in the middle of a look at a program that is hard to stop; the program itself says what it lost.

MAPMEDIC_KILLS=300 pytest -n0 tests/live/test_heap_survival.py      # what `make soak` runs; 12 kills each by default
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.source.toolchain import find_go
from tests.live.aftermath import wrong_with
from tests.live.test_heap import KILLS

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "survival_program"
CONFINED = (sys.executable, "-m", "tests.support.confined")
PATIENCE_SECONDS = 30.0
LOOP = """
import sys
from mapmedic import api
from mapmedic.errors import ProcessUnreadable
print("go", flush=True)
while True:
    try:
        api.heap(sys.argv[1], snapshot=sys.argv[2] or None, max_pause_ms=5e3)
    except ProcessUnreadable as error:
        print(error, file=sys.stderr)
"""


class Busy:
    """A program that is busy in one way, and what it counts of its own calls."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.pid = process, process.pid

    def counts(self) -> dict[str, Any]:
        """Return what it counted, and what it found wrong."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("?")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def goes_on(self) -> list[str]:
        """Wait until each of its loops has gone round once more; return what is wrong instead."""
        before = self.counts()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            now = self.counts()
            stuck = [name for name in before if name != "wrong" and now[name] <= before[name] > 0]
            if now["wrong"] or not stuck:
                return list(now["wrong"])
            time.sleep(0.005)
        return [f"no more {name}" for name in stuck]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go, path = find_go("build the program to survive"), tmp_path_factory.mktemp("survival") / "program"
    environment = {**go.environment, "CGO_ENABLED": "0"}
    subprocess.run([str(go.path), "build", "-o", str(path), "."], cwd=PROGRAM, env=environment, check=True)
    return path


@contextmanager
def busy(program: Path, how: str) -> Iterator[Busy]:
    words = [*(CONFINED if how == "confined" else ()), str(program), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        found = Busy(process)
        try:
            assert found.goes_on() == []
            yield found
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["threads", "profile", "exec", "confined"])
@pytest.mark.parametrize("snapshot", ["", "freeze"])
def test_killed_at_any_moment_the_tool_costs_a_busy_program_nothing(
    how: str, snapshot: str, program: Path
) -> None:
    chance = random.Random(2)  # noqa: S311 - when to kill is no secret
    with busy(program, how) as found:
        for _ in range(KILLS):
            words = [sys.executable, "-c", LOOP, str(found.pid), snapshot]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as tool:
                assert tool.stdout is not None
                assert tool.stdout.readline() == b"go\n"
                time.sleep(chance.uniform(0, 0.3))
                tool.kill()
            assert found.goes_on() == []
            assert wrong_with(found.pid, its_own=how == "exec") == []


@pytest.mark.parametrize("how", ["threads", "profile", "exec", "confined"])
def test_a_look_at_a_busy_program_is_whole(how: str, program: Path) -> None:
    with busy(program, how) as found:
        for _ in range(3):
            seen = api.heap(str(found.pid), max_pause_ms=5_000.0)
            assert seen.maps[0].entries == 50_000
            assert found.goes_on() == []
        assert wrong_with(found.pid, its_own=how == "exec") == []
