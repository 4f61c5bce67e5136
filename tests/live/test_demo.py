"""The first thing a newcomer runs, from build to report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.scenarios import ROOT

pytestmark = pytest.mark.live


def test_demo_finds_fixes_and_proves(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "mapmedic.cli.main", "demo", "--json", "--for", "8s", "--rate", "4000",
         "--output", str(report)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    demo = json.loads(done.stdout)
    assert demo["diagnosis"]["verdict"] == "map_leak"
    assert demo["diagnosis"]["suspects"][0]["declared"] == "main.UserSessionManager.sessions"
    assert demo["outcome"]["proof"]["passed"]
    assert demo["requests"]["sent"] > 0
    assert demo["requests"]["failed"] == 0
    page = report.read_text(encoding="utf-8")
    assert "main.UserSessionManager.sessions" in page
    assert 'src="http' not in page
    assert 'href="http' not in page
