"""What only a browser can tell: the policy lets the pictures draw, and nothing complains."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mapmedic.model.heap import HeapChange
from mapmedic.report.html import render_fix, render_flame, render_html
from tests.unit.report import hostile, sample_heaps, samples

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


def drawn(html: str, folder: Path) -> tuple[str, list[str]]:
    """Return the page as it stands after its scripts ran, and what they said on the console."""
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    command = [BROWSER or "", *OPTIONS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_both_pictures_are_drawn(tmp_path: Path) -> None:
    dom, said = drawn(render_html(samples.map_leak_report()), tmp_path)
    assert said == []
    assert "<canvas" in dom
    assert len(re.findall(r'<g [^>]*class="frame', dom)) > 30
    assert 'fill="var(--kind-map)"' in dom
    assert "▦ runtime.mapassign_faststr" in dom
    assert "◆ main.(*UserSessionManager).CreateSession" in dom


def test_a_fix_and_a_comparison_are_drawn_too(tmp_path: Path) -> None:
    for report in (samples.fix_report(), samples.comparison()):
        dom, said = drawn(render_fix(report), tmp_path)
        assert said == []
        assert "<canvas" in dom
    assert 'class="frame' in dom


def test_the_graph_of_growth_shows_what_grew(tmp_path: Path) -> None:
    """The view is chosen by a click; here the click is in the page, which its policy must then allow."""
    heap = sample_heaps.leaking_heap()
    gained = np.where(np.arange(len(heap.stacks)) == 0, 5e7, 0.0)
    html = render_flame(heap, "growth", HeapChange(heap, gained, 30.0))
    click = '<script>document.querySelector("input[value=grown]").click()</script></body>'
    html = re.sub(r"script-src [^;]*;", "script-src 'unsafe-inline';", html).replace("</body>", click)
    dom, said = drawn(html, tmp_path)
    assert said == []
    assert "runtime.mapassign_faststr" in dom
    assert "main.loadConfig" not in re.findall(r"<svg.*</svg>", dom, re.DOTALL)[0]


def test_attacks_stay_text(tmp_path: Path) -> None:
    dom, said = drawn(render_html(hostile.hostile_report()), tmp_path)
    assert said == []
    assert "<img" not in dom
    assert 'class="frame' in dom
