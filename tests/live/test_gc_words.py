"""The words that steer the collector, as we find them, beside what the program was started with."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapmedic.goheap.gc_words import USUAL_PERIOD_NS, find_gc_words
from mapmedic.memory.program import read_program
from mapmedic.model.gc_words import NO_MEMORY_LIMIT, GcWords
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "idle_program"
FLAGS = {"plain": [], "stripped": ["-ldflags=-s -w"], "pie": ["-buildmode=pie"]}


@pytest.fixture(
    scope="module",
    params=[(go, kind) for go in toolchains() for kind in FLAGS],
    ids=lambda each: f"{each[0].version}-{each[1]}",
)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    go, kind = request.param
    out = tmp_path_factory.mktemp("idle") / "idle"
    subprocess.run(
        [go.path, "build", *FLAGS[kind], "-o", out, "."], cwd=PROGRAM, env=go.environment,
        check=True, timeout=300,
    )  # fmt: skip
    return out


@contextmanager
def words_of(program: Path, **environment: str) -> Iterator[GcWords]:
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "READY\n"
        yield find_gc_words(read_program(process.pid))
        process.stdin.close()


def values(settings: GcWords) -> dict[str, int | None]:
    return {
        name: each.value if (each := getattr(settings, name)) is not None else None
        for name in ("percent", "memory_limit", "heap_minimum", "force_period", "trace", "phase", "cycles")
    }  # fmt: skip


def test_the_settings_are_what_the_environment_said(program: Path) -> None:
    with words_of(program, GOGC="37", GOMEMLIMIT="77MiB", GODEBUG="gctrace=2") as found:
        assert values(found) == {
            "percent": 37, "memory_limit": 77 << 20, "heap_minimum": (4 << 20) * 37 // 100,
            "force_period": USUAL_PERIOD_NS, "trace": 2, "phase": 0, "cycles": 3,
        }  # fmt: skip


def test_a_collector_that_is_off_and_a_limit_that_is_none_are_found_too(program: Path) -> None:
    with words_of(program, GOGC="off", GOMEMLIMIT="off", GODEBUG="") as found:
        assert found.percent is not None
        assert (found.percent.value, found.memory_limit and found.memory_limit.value) == (-1, NO_MEMORY_LIMIT)
        assert found.trace is not None
        assert found.trace.value == 0
        assert found.finished_at is not None
        assert 0 < found.finished_at.value < time.monotonic_ns()
