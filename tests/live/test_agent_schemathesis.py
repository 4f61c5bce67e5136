"""The agent's contract against the real agent: hundreds of requests that nobody here thought of.

schemathesis makes them from docs/reference/agent-api.yaml: valid and invalid ones, sequences along the
contract's links, some without the token. Its seed is fixed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mapmedic.demo.service import LabService, Scenario
from tests.live.scenarios import ROOT
from tests.live.test_agent_contract import API, call

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
# That valid requests are accepted cannot be asked for: which fields a condition may name is in the types of
# the service, not in the contract.
SKIPPED = "positive_data_acceptance"


def contract_for(service: LabService, folder: Path) -> Path:
    """Write the contract with the one name that the service has a map under: others are only 404."""
    contract = yaml.safe_load((ROOT / "docs" / "reference" / "agent-api.yaml").read_text())
    (registered,) = call(service, "GET", f"{API}/maps")[1]["maps"]
    contract["components"]["schemas"]["MapName"] = {"type": "string", "enum": [registered["name"]]}
    path = folder / "contract.yaml"
    path.write_text(yaml.safe_dump(contract))
    return path


def fuzz(service: LabService, folder: Path) -> dict[str, Any]:
    """Return the report of schemathesis."""
    report = folder / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", str(contract_for(service, folder)),
         "--url", service.url, "--header", f"Authorization: Bearer {service.token}", "--seed", "20261123",
         "--max-examples", "10", "--checks", "all", "--exclude-checks", SKIPPED, "--no-shrink",
         "--request-timeout", "30", "--report-json-path", str(report)],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "PYTHONPATH": str(ROOT),
             "AGENT_URL": service.url, "MAPMEDIC_TOKEN": service.token,
             "SCHEMATHESIS_HOOKS": "tests.live.schemathesis_hooks"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    loaded: dict[str, Any] = json.loads(report.read_text())
    return loaded


def test_the_contract_holds(start_lab: Callable[[Scenario], LabService], tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=200, rate=0))
    report = fuzz(service, tmp_path)
    assert report["operations"]["tested"] == report["operations"]["total"] >= 11
    assert report["test_cases"]["generated"] > 300
    status, stats = call(service, "GET", f"{API}/stats")
    assert status == 200
    assert stats["goroutines"] < 50, "requests left something running"
