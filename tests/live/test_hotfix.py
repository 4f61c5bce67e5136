"""The fix on real services: proved, refused where it must be, and harmless when the tool dies in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mapmedic.capture.backup_file import read_backup
from mapmedic.demo.service import LabService, Scenario
from mapmedic.demo.traffic import Traffic
from tests.live.scenarios import ROOT, truth_of

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]
ENTRIES = 40_000
JOURNAL = json.loads((ROOT / "src/mapmedic/schemas/journal-1.json").read_text())


def hotfix(
    service: LabService, folder: Path, *words: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mapmedic.cli.main", "hotfix", service.url, "--journal", str(folder), *words],
        env={**os.environ, "MAPMEDIC_TOKEN": service.token if token is None else token},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def operations(service: LabService) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{service.url}/debug/mapmedic/v1/operations", headers={"Authorization": f"Bearer {service.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        listed: list[dict[str, Any]] = json.load(answer)["operations"]
    return listed


@pytest.mark.parametrize("name", ["struct-field", "global-map", "sync-map"])
def test_fix_empties_the_map_and_proves_it_with_traffic_on(
    name: str, start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario(name, entries=ENTRIES, rate=0))
    declared = truth_of(service.url)["declared"]
    with Traffic(service.url) as traffic:
        watch = ("--health-url", f"{service.url}/healthz", "--health-latency", "5s")
        done = hotfix(service, tmp_path, "--map", declared, "--apply", "--json", *watch)
        requests = traffic.stop()
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["proof"]["passed"]
    assert outcome["entries_removed"] >= ENTRIES
    assert truth_of(service.url)["entries"] < ENTRIES / 10
    backup = read_backup(Path(outcome["backup"]["path"]))
    assert backup.whole and backup.end.entries == outcome["entries_removed"]
    assert backup.header.lossless
    (health,) = outcome["health"]
    assert health["well"] and health["before"]["probes"] == 10 and health["during"]["probes"] > 0
    assert requests.sent > 0
    assert requests.failed == 0, requests.first_failure
    lines = [json.loads(line) for line in Path(outcome["journal_path"]).read_text().splitlines()]
    for line in lines:
        Draft202012Validator(JOURNAL).validate(line)
    assert [line["event"] for line in lines] == [
        "planned",
        "detaching",
        "detached",
        "backing_up",
        "backed_up",
        "committing",
        "committed",
        "proved",
    ]


def test_plan_changes_nothing(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    done = hotfix(service, tmp_path, "--map", "sessions", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"] is True
    assert truth_of(service.url)["entries"] == 1_000
    assert operations(service) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "token", "exit_code"),
    [
        (("--map", "no.such.map", "--apply"), None, 2),
        (("--map", "sessions", "--strategy", "melt", "--apply"), None, 2),
        (("--map", "sessions", "--apply"), "", 4),
        (("--map", "sessions", "--apply"), "wrong", 4),
    ],
)
def test_refusals_leave_the_map_alone(
    words: tuple[str, ...], token: str | None, exit_code: int, start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    assert hotfix(service, tmp_path, *words, token=token).returncode == exit_code
    assert truth_of(service.url)["entries"] == 1_000


def test_an_empty_map_is_refused(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    assert hotfix(service, tmp_path, "--map", "sessions", "--apply", "--within", "1s").returncode in (0, 5)
    second = hotfix(service, tmp_path, "--map", "sessions", "--apply")
    assert second.returncode == 4
    assert "empty already" in second.stderr


def wait_until_nothing_is_held(service: LabService) -> None:
    deadline = time.monotonic() + 20
    while any(operation["state"] == "detached" for operation in operations(service)):
        assert time.monotonic() < deadline, "the agent did not put the entries back"
        time.sleep(0.1)
