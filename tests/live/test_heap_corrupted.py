"""A short run of the fuzz over corrupted memory (tests/fuzz/memory.py), in a process of its own: it may die or hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live
RUNS = int(os.environ.get("MAPMEDIC_LIES", "25"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("scenario", ["struct-field", "sync-map"])
def test_lies_are_refused_or_left_out_and_never_end_the_tool(scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.memory", "--scenario", scenario, "--runs", str(RUNS), "--seed", "11",
         "--seconds", "90"],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "none believed to the end" in done.stdout
