"""The inventory of a core beside the lab's own truth: cores of the kernel (GOTRACEBACK=crash) and of gcore."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.errors import CoreUnreadable, CouldNotLook
from tests.live.scenarios import truth_of
from tests.support.command import run

pytestmark = pytest.mark.live
MAKERS = ("kernel", "gcore")


@contextmanager
def dying(folder: Path) -> Iterator[None]:
    """Let what is started here write a core into ``folder`` when it crashes."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if pattern.startswith(("|", "/")) or hard == 0:
        pytest.skip(f"this machine writes no core into the folder of a process (core_pattern {pattern!r})")
    before = Path.cwd()
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    os.environ["GOTRACEBACK"] = "crash"
    try:
        yield
    finally:
        del os.environ["GOTRACEBACK"]
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        os.chdir(before)


def ended_by_abort(service: LabService) -> None:
    os.kill(service.pid, signal.SIGABRT)
    service._process.wait(60)


def core_by_kernel(binary: Path, scenario: Scenario, folder: Path) -> tuple[Path, Any]:
    with dying(folder), LabService(binary, scenario) as service:
        truth = truth_of(service.url)
        ended_by_abort(service)
    return next(folder.glob("core*")), truth


def core_by_gcore(binary: Path, scenario: Scenario, folder: Path) -> tuple[Path, Any]:
    if shutil.which("gcore") is None:
        pytest.skip("no gcore on this machine (it comes with gdb)")
    with LabService(binary, scenario) as service:
        truth = truth_of(service.url)
        done = subprocess.run(
            ["gcore", "-o", str(folder / "core"), str(service.pid)],
            capture_output=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            pytest.skip(f"gcore may not: {done.stderr[-300:]!r}")
        return folder / f"core.{service.pid}", truth


def core_of(maker: str, binary: Path, scenario: Scenario, folder: Path) -> tuple[Path, Any]:
    return (core_by_kernel if maker == "kernel" else core_by_gcore)(binary, scenario, folder)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_core_tells_what_the_process_would_have(maker: str, lab_binary: Path, tmp_path: Path) -> None:
    scenario = Scenario("struct-field", entries=20_000, rate=0)
    core, truth = core_of(maker, lab_binary, scenario, tmp_path)
    found = api.heap(f"core:{core}")
    (largest,) = [each for each in found.maps if each.owner == "main.mgr.sessions"]
    assert (largest.entries, largest.capacity) == (truth["entries"], truth["capacity"])
    assert (largest.shallow_bytes, largest.dead_bytes) == (truth["shallow_bytes"], truth["dead_bytes"])
    assert (largest.type, largest.design) == (truth["type"], truth["design"])
    assert (found.snapshot.mode, found.snapshot.pause_ms, found.target.pid) == ("core", 0, None)
    assert largest.resident_bytes is None
    assert found.snapshot.complete, found.unread
    done = run("heap", f"core:{core}", "--json")
    assert (done.code, done.json["snapshot"]["mode"]) == (0, "core")


@pytest.mark.parametrize("maker", MAKERS)
def test_cut_off_it_is_refused_with_what_is_missing(maker: str, lab_binary: Path, tmp_path: Path) -> None:
    core, _ = core_of(maker, lab_binary, Scenario("struct-field", entries=2_000, rate=0), tmp_path)
    size = core.stat().st_size
    for share in (0.9, 0.5, 0.1, 0.01):
        os.truncate(core, int(size * share))
        try:
            found = api.heap(f"core:{core}")
        except CouldNotLook as error:
            assert "cut off" in str(error)
            continue
        assert not found.snapshot.complete
        assert any("cut off" in words for words in found.unread)


def test_the_program_must_be_the_one(lab_binary: Path, tmp_path: Path) -> None:
    stripped, _ = build_lab(stripped=True)
    moved = tmp_path / "lab"
    shutil.copy(lab_binary, moved)
    core, _ = core_by_kernel(moved, Scenario("struct-field", entries=1_000, rate=0), tmp_path)
    moved.unlink()
    with pytest.raises(CoreUnreadable, match="is needed as well"):
        api.heap(f"core:{core}")
    with pytest.raises(CoreUnreadable, match="build id"):
        api.heap(f"core:{core}", exe=stripped)
    assert api.heap(f"core:{core}", exe=lab_binary).maps[0].owner == "main.mgr.sessions"


def test_a_stripped_program_keeps_its_types(tmp_path: Path) -> None:
    binary, _ = build_lab(stripped=True)
    core, truth = core_by_kernel(binary, Scenario("generic-cache", entries=5_000, rate=0), tmp_path)
    largest = api.heap(f"core:{core}").maps[0]
    assert (largest.entries, largest.type) == (truth["entries"], truth["type"])
