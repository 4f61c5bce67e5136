"""Ctrl-C in the middle of a fix: what was done is named, and the service goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic.demo.service import LabService
from tests.live.scenarios import SCENARIOS, truth_of
from tests.support.command import COMMAND, environment

pytestmark = pytest.mark.live


def events(folder: Path) -> list[str]:
    return [
        json.loads(line)["event"]
        for path in folder.rglob("*.jsonl")
        for line in path.read_text().splitlines()
        if line.endswith("}")
    ]


def test_ctrl_c_after_the_commit_names_the_journal(
    start_lab: Callable[..., LabService], tmp_path: Path
) -> None:
    service = start_lab(SCENARIOS["struct-field"])
    process = subprocess.Popen(
        [*COMMAND, "hotfix", service.url, "--map", "sessions", "--apply", "--expect-drop", "0.99", "--within", "60s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(MAPMEDIC_TOKEN=service.token, XDG_STATE_HOME=str(tmp_path)),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while "committed" not in events(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    (journal,) = tmp_path.rglob("*.jsonl")
    assert process.returncode == 130
    assert f"interrupted: how far the fix came is in {journal}" in err
    assert "the entries are gone; whether memory" in err and "Traceback" not in err
    assert truth_of(service.url)["entries"] > 0, "the service goes on"
