"""The Go modules' own tests, with the machine's Go: the agent under the race detector, the lab's truth."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mapmedic.source.toolchain import find_go
from tests.live.scenarios import ROOT

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


def go_test(module: Path, *words: str) -> None:
    go = find_go("run the Go modules' tests")
    done = subprocess.run(
        [str(go.path), "test", *words, "./..."],
        cwd=module, env=go.environment, capture_output=True, text=True, timeout=590, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_agent_under_the_race_detector() -> None:
    go_test(ROOT / "agent", "-race", "-short")


def test_lab_tells_the_truth() -> None:
    go_test(ROOT / "lab", "-short")
