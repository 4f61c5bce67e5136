"""The words that steer the collector, as we find them, beside what the program was started with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapmedic.goheap.gc_settings import USUAL_PERIOD_NS, find_gc_settings
from mapmedic.memory.snapshot import read_process
from mapmedic.model.gc_settings import NO_MEMORY_LIMIT, GcSettings
from mapmedic.model.inventory import Limits
from mapmedic.source.toolchain import GoToolchain, find_go, probe_go
from tests.golden.toolchain import TOOLCHAINS, versions
from tests.live.test_heap import PATIENCE_MS

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "idle_program"
# The Go that is there; MAPMEDIC_GO=all (`make live`): every version.
EVERY = versions() if os.environ.get("MAPMEDIC_GO") == "all" and TOOLCHAINS.is_dir() else [None]
FLAGS = {"plain": [], "stripped": ["-ldflags=-s -w"], "pie": ["-buildmode=pie"]}


def toolchain(version: str | None) -> GoToolchain:
    if version is None:
        return find_go("build the program that is looked at")
    found = probe_go(TOOLCHAINS.resolve() / version / "bin" / "go")
    assert found is not None
    return found


@pytest.fixture(scope="module", params=[(v, kind) for v in EVERY for kind in FLAGS], ids=str)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, kind = request.param
    out, go = tmp_path_factory.mktemp("idle") / "idle", toolchain(version)
    subprocess.run(
        [go.path, "build", *FLAGS[kind], "-o", out, "."], cwd=PROGRAM, env=go.environment,
        check=True, timeout=300,
    )  # fmt: skip
    return out


@contextmanager
def settings_of(program: Path, **environment: str) -> Iterator[GcSettings]:
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "READY\n"
        yield find_gc_settings(read_process(process.pid, Limits(max_pause_ms=PATIENCE_MS)))
        process.stdin.close()


def values(settings: GcSettings) -> dict[str, int | None]:
    return {
        name: each.value if (each := getattr(settings, name)) is not None else None
        for name in ("percent", "memory_limit", "heap_minimum", "force_period", "trace")
    }  # fmt: skip


def test_the_settings_are_what_the_environment_said(program: Path) -> None:
    with settings_of(program, GOGC="37", GOMEMLIMIT="77MiB", GODEBUG="gctrace=2") as found:
        assert values(found) == {
            "percent": 37, "memory_limit": 77 << 20, "heap_minimum": (4 << 20) * 37 // 100,
            "force_period": USUAL_PERIOD_NS, "trace": 2,
        }  # fmt: skip


def test_a_collector_that_is_off_and_a_limit_that_is_none_are_found_too(program: Path) -> None:
    with settings_of(program, GOGC="off", GOMEMLIMIT="off", GODEBUG="") as found:
        assert found.percent is not None
        assert (found.percent.value, found.memory_limit and found.memory_limit.value) == (-1, NO_MEMORY_LIMIT)
        assert found.trace is not None
        assert found.trace.value == 0
