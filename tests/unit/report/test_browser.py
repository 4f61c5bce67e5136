"""What only a browser can tell: the policy lets the pictures draw, and nothing complains."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mapmedic.model.report import Report
from mapmedic.report.html import render_html
from tests.unit.report import hostile, samples

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
    "--window-size=1280,2400",
    "--dump-dom",
)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser here: none of {', '.join(NAMES)} is on PATH"
)


def drawn(report: Report, folder: Path) -> tuple[str, list[str]]:
    """Return the page as it stands after its scripts ran, and what they said on the console."""
    page = folder / "report.html"
    page.write_text(render_html(report), encoding="utf-8")
    command = [BROWSER or "", *OPTIONS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_both_pictures_are_drawn(tmp_path: Path) -> None:
    dom, said = drawn(samples.map_leak_report(), tmp_path)
    assert said == []
    assert "<canvas" in dom
    assert len(re.findall(r'<g [^>]*class="frame', dom)) > 30
    assert 'fill="var(--kind-map)"' in dom
    assert "▦ runtime.mapassign_faststr" in dom
    assert "◆ main.(*UserSessionManager).CreateSession" in dom


def test_attacks_stay_text(tmp_path: Path) -> None:
    dom, said = drawn(hostile.hostile_report(), tmp_path)
    assert said == []
    assert "<img" not in dom
    assert 'class="frame' in dom
