"""The first thing a newcomer runs, from build to report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mapmedic.demo.service import Program, build_lab
from tests.live.scenarios import ROOT
from tests.support.command import validate

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


@pytest.mark.usefixtures("may_trace")
def test_the_second_act_knows_nothing_of_the_service_but_its_process(tmp_path: Path) -> None:
    binary, _ = build_lab(stripped=True, program=Program.BARE)
    linked = binary.read_bytes()
    assert b"mapmedic/agent" not in linked and b"net/http/pprof" not in linked
    report = tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "mapmedic.cli.main", "demo", "--no-agent", "--json", "--for", "6s",
         "--output", str(report)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    demo = json.loads(done.stdout)
    validate(demo)
    assert demo["service"]["is_stripped"] and not demo["service"]["has_agent"]
    assert demo["diagnosis"]["verdict"] == "map_leak"
    (leak,) = (each for each in demo["diagnosis"]["suspects"] if each["code"] == "map_leak")
    assert leak["owner"] == "main.SessionManager.sessions"
    assert demo["diagnosis"]["next_steps"][0].endswith(" --map main.SessionManager.sessions")
    outcome = demo["outcome"]
    assert outcome["strategy"] == "reset" and outcome["operation"] is None and outcome["proof"]["passed"]
    checks = {each["name"]: each for each in outcome["proof"]["checks"]}
    assert checks["rss_bytes"]["after"] < checks["rss_bytes"]["before"]
    assert (demo["requests"]["sent"] > 0, demo["requests"]["failed"]) == (True, 0)
    assert "main.SessionManager.sessions" in report.read_text(encoding="utf-8")
    # The service is gone: its journal tells of it, its entries are not kept.
    assert [path.suffix for path in (tmp_path / "mapmedic" / "journal").iterdir()] == [".jsonl"]
