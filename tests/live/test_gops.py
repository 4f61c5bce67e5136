"""A process with a real gops agent, built from google/gops: captured by address and by process id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mapmedic.capture.observe import observe_session
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.session_file import read_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import TargetUnreachable, TargetUnsupported, UsageError
from mapmedic.source.toolchain import GoToolchain, find_go
from tests.support.command import run

pytestmark = pytest.mark.live
PROGRAM = Path(__file__).parent / "gops_program"


@dataclass(frozen=True)
class Gops:
    pid: int
    port: str
    folder: Path


def with_proxy(go: GoToolchain) -> dict[str, str]:
    """Return the environment of ``go`` with the machine's own module proxy, which we otherwise leave alone."""
    own = {name: value for name, value in go.environment.items() if name != "GOPROXY"}
    return own | ({"GOPROXY": os.environ["GOPROXY"]} if "GOPROXY" in os.environ else {})


@pytest.fixture(scope="module")
def gops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gops]:
    folder = tmp_path_factory.mktemp("gops")
    go = find_go("build a program with a gops agent")
    built = subprocess.run(
        [str(go.path), "build", "-o", str(folder / "program"), "."], cwd=PROGRAM, env=with_proxy(go),
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"google/gops could not be had from the Go module proxy: {built.stderr[-300:]}")
    with subprocess.Popen(
        [str(folder / "program"), str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        assert ready[:1] == ["READY"]
        yield Gops(process.pid, ready[1], folder)
        process.kill()


def test_everything_a_gops_agent_has(gops: Gops, tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    target = parse_target(f"gops://127.0.0.1:{gops.port}")
    capture_session(target, path, CapturePlan(2.0, visits=2, force_gc=True))
    session = read_session(path)
    assert {a.kind for a in session.artifacts} == {
        "heap_pprof", "goroutine_text", "gops_version", "gops_stats", "gops_memstats",
    }  # fmt: skip
    assert {blank.what for blank in session.not_captured} == {"heap_text", "metrics"}
    seen = observe_session(session)
    assert seen.go_version is not None and seen.go_version.startswith("go1.")
    first, last = seen.captures
    assert first.memstats is not None and last.memstats is not None and first.heap is not None
    assert last.memstats.num_forced_gc > first.memstats.num_forced_gc > 0
    assert last.memstats.heap_objects > first.memstats.heap_objects, "it leaks"
    parts = first.memstats
    assert parts.buck_hash_sys_bytes > 0 and parts.last_gc_ns > 1_700_000_000 * 10**9
    assert any("main.fill" in frame.function for stack in first.heap.stacks for frame in stack)
    assert first.goroutine_count and first.goroutine_count >= 2
    assert len(seen.timeline) == 2


def test_by_process_id(gops: Gops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPS_CONFIG_DIR", str(gops.folder))
    assert parse_target(f"gops:{gops.pid}").base_url == f"gops://127.0.0.1:{gops.port}"
    done = run("diagnose", f"gops:{gops.pid}", "--for", "2s", "--json", XDG_STATE_HOME=str(tmp_path))
    assert done.json["schema"] == "mapmedic.diagnosis/1"
    assert any("raw return addresses" in blank["why"] for blank in done.json["not_captured"])
    assert list(tmp_path.rglob("*.mapmedic*")) == [], "what was read is not left lying about"
    monkeypatch.setenv("GOPS_CONFIG_DIR", str(tmp_path))
    with pytest.raises(TargetUnreachable, match="no agent wrote its port"):
        parse_target(f"gops:{gops.pid}")


def test_a_trace_has_the_agents_own_length(gops: Gops, tmp_path: Path) -> None:
    target, path = parse_target(f"gops://127.0.0.1:{gops.port}"), tmp_path / "s.mapmedic"
    with pytest.raises(UsageError, match="--trace 5s"):
        capture_session(target, path, CapturePlan(trace_seconds=2))
    assert list(tmp_path.iterdir()) == []
    capture_session(target, path, CapturePlan(trace_seconds=5))
    assert next(a.data for a in read_session(path).artifacts if a.kind == "trace").startswith(b"go 1.")


def test_a_gops_agent_fixes_nothing(gops: Gops, tmp_path: Path) -> None:
    done = run(
        "hotfix", f"gops://127.0.0.1:{gops.port}", "--map", "m", "--json", MAPMEDIC_TOKEN="x",  # noqa: S106
        XDG_STATE_HOME=str(tmp_path),
    )  # fmt: skip
    assert (done.code, done.json["error"]) == (3, TargetUnsupported.__name__)
    assert "changes nothing" in done.json["what"]
