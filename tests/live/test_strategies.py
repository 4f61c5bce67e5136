"""Each strategy of the agent through the command line, on real services with traffic on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapmedic.demo.service import LabService, Scenario
from mapmedic.demo.traffic import Traffic
from tests.live.scenarios import truth_of
from tests.live.test_hotfix import hotfix

pytestmark = pytest.mark.live
StartLab = Callable[[Scenario], LabService]


def fix(service: LabService, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = hotfix(service, folder, *words, "--json")
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("strategy", ["clear", "delete"])
def test_emptying_keeps_the_buckets_and_says_so(strategy: str, start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=40_000, rate=0))
    before = truth_of(service.url)
    with Traffic(service.url) as traffic:
        code, outcome = fix(service, tmp_path, "--map", "sessions", "--strategy", strategy, "--apply")
        requests = traffic.stop()
    assert code == 0, outcome
    assert outcome["entries_removed"] >= 40_000
    assert requests.failed == 0, requests.first_failure
    after = truth_of(service.url)
    assert after["entries"] < 4_000
    assert after["capacity"] >= before["capacity"] * 0.9


def test_shrink_drops_the_buckets_of_an_emptied_map(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("emptied-map", rate=0))
    before = truth_of(service.url)
    code, outcome = fix(service, tmp_path, "--map", before["declared"], "--strategy", "shrink", "--apply")
    assert code == 0, outcome
    assert truth_of(service.url)["shallow_bytes"] < before["shallow_bytes"] / 10
    assert outcome["proof"]["passed"] and outcome["backup"] is None
    kept = next(check for check in outcome["proof"]["checks"] if check["name"] == "entries_kept")
    assert kept["passed"] and kept["before"] == kept["after"] == before["entries"]


def test_swap_refuses_an_emptied_map_and_names_shrink(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("emptied-map", rate=0))
    done = hotfix(service, tmp_path, "--map", truth_of(service.url)["declared"], "--apply")
    assert done.returncode == 4
    assert "--strategy shrink" in done.stderr


def test_evict_takes_one_tenant_and_leaves_the_rest(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=40_000, rate=0))
    tenant = "value.TenantID equals tenant-000000000007"
    words = ("--map", "sessions", "--strategy", "evict", "--where", tenant)
    code, plan = fix(service, tmp_path, *words)
    assert code == 0
    assert 300 < plan["matches"] < 600  # one of 97 tenants
    # 1 % of the entries gives back nothing that RSS would show; the entries are the proof here.
    _, outcome = fix(service, tmp_path, *words, "--apply", "--within", "2s")
    assert outcome["entries_removed"] == plan["matches"]
    assert truth_of(service.url)["entries"] == 40_000 - plan["matches"]
    assert fix(service, tmp_path, *words)[1]["matches"] == 0


def test_evict_by_age_and_expiry(start_lab: StartLab, tmp_path: Path) -> None:
    service = start_lab(Scenario("struct-field", entries=5_000, rate=0))
    words = ("--map", "sessions", "--strategy", "evict", "--where")
    assert fix(service, tmp_path, *words, "value.CreatedAt older_than 1h")[1]["matches"] == 0
    assert fix(service, tmp_path, *words, "value.ExpiresAt expired")[1]["matches"] == 0
    assert fix(service, tmp_path, *words, "key regex ^[0-7]")[1]["matches"] == pytest.approx(2_500, rel=0.1)


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("--strategy", "evict"), 2),
        (("--where", "key prefix a"), 2),
        (("--strategy", "evict", "--where", "nonsense"), 2),
        (("--strategy", "evict", "--where", "value.NoSuchField expired"), 2),
        (("--strategy", "shrink", "--max-lock-hold", "0"), 2),
    ],
)
def test_senseless_wishes_change_nothing(
    words: tuple[str, ...], exit_code: int, start_lab: StartLab, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=500, rate=0))
    assert hotfix(service, tmp_path, "--map", "sessions", *words, "--apply").returncode == exit_code
    assert truth_of(service.url)["entries"] == 500
