"""Processes diagnosed from outside, alone and beside their URL; sessions of them, read back offline."""

from __future__ import annotations

import os
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.capture.observe import observe_file
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import ProcessUnreadable
from mapmedic.model.findings import Verdict
from tests.live.scenarios import PATIENCE_MS, SCENARIOS, TWINS, run_inside
from tests.support.command import run

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
SECONDS = 4.0
# What a process shows from outside, and over HTTP does not; and the healthy twins that look alike.
SAMPLE = (
    "struct-field",
    "bounded-lru",
    "slice-growth",
    "goroutine-leak",
    "goroutine-local",
    "huge-values",
    "emptied-map",
    "steady-cache",
)
# What they waste is no live object.
BESIDE_THE_LIVE_HEAP = ("off-heap", "idle-heap", "high-gogc")
PLAN = api.CapturePlan(2.0, inside=api.Limits(max_pause_ms=PATIENCE_MS))


@pytest.mark.parametrize("name", SAMPLE)
def test_a_process_gets_its_verdict_without_an_endpoint(name: str, lab_binary: Path) -> None:
    found = run_inside(lab_binary, SCENARIOS[name], SECONDS)
    assert found.misses() == []
    if found.diagnosis.verdict is Verdict.MAP_LEAK:
        leak = found.diagnosis.suspects[0]
        assert (leak.type, leak.entries is not None) == (found.truth["type"], True)
        assert leak.owner == found.truth["path"] or found.truth["path"].startswith(str(leak.owner))


@pytest.mark.parametrize("name", BESIDE_THE_LIVE_HEAP)
def test_what_is_not_the_live_heap_gets_its_verdict_or_none(name: str, lab_binary: Path) -> None:
    found = run_inside(lab_binary, SCENARIOS[name], SECONDS)
    # Just after a GC there is no garbage to tell a late GC by.
    assert found.misses() == [] or (name, found.diagnosis.verdict) == ("high-gogc", Verdict.UNDETERMINED)


@pytest.mark.parametrize("name", TWINS[Verdict.MAP_LEAK])
def test_with_the_url_the_place_and_the_owner_are_of_one_suspect(name: str, lab_binary: Path) -> None:
    found = run_inside(lab_binary, SCENARIOS[name], with_url=True)
    assert found.misses() == []
    if found.diagnosis.verdict is Verdict.MAP_LEAK:
        leak = found.diagnosis.suspects[0]
        assert (leak.owner, leak.type) == (found.truth["path"], found.truth["type"])
        assert leak.site is not None and leak.site.function == found.truth["insertion"]["function"]
        assert found.diagnosis.confidence > 0.6


def test_a_session_of_a_process_is_read_back_offline(
    start_lab: Callable[[Scenario], LabService], tmp_path: Path
) -> None:
    path = tmp_path / "s.mapmedic"
    service = start_lab(SCENARIOS["struct-field"])
    done = run("capture", service.pid, "-o", path, "--for", "3s", "--max-pause", int(PATIENCE_MS), "--json")
    kinds = {each["kind"] for each in done.json["artifacts"]}
    assert done.code == 0
    assert kinds >= {
        "inventory",
        "process_mappings",
        "process_status",
        "process_smaps_rollup",
        "process_cgroup",
    }
    os.kill(service.pid, signal.SIGKILL)
    again = run("diagnose", path, "--json")
    assert (again.code, again.json["verdict"], again.json["target"]) == (1, "map_leak", f"pid:{service.pid}")
    assert again.json["suspects"][0]["owner"] == "main.mgr.sessions"


def test_an_inventory_that_was_tampered_with_is_refused(
    start_lab: Callable[[Scenario], LabService], tmp_path: Path
) -> None:
    path = tmp_path / "s.mapmedic"
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    api.capture([str(service.pid)], path, api.CapturePlan(inside=api.Limits(max_pause_ms=PATIENCE_MS)))
    with tarfile.open(path) as tar:
        data = next(m for m in tar.getmembers() if m.name.endswith("-inventory"))
        raw = bytearray(path.read_bytes())
        raw[data.offset_data + 40] ^= 1
    path.write_bytes(raw)
    done = run("diagnose", path, "--json")
    assert (done.code, done.json["error"]) == (3, "SessionDamaged")
    assert "SHA-256" in done.json["what"]


def test_a_process_that_ends_in_the_window_leaves_what_was_seen(
    start_lab: Callable[[Scenario], LabService], tmp_path: Path
) -> None:
    service, path = start_lab(Scenario("struct-field", entries=1_000, rate=0)), tmp_path / "s.mapmedic"

    def ends(what: str, share: float) -> None:
        if share > 0.4:
            os.kill(service.pid, signal.SIGKILL)

    api.capture([str(service.pid)], path, PLAN, progress=ends)
    seen = observe_file(path)
    assert [each.inventory is not None for each in seen.captures] == [True]
    assert any("nothing answered any more" in blank.why for blank in seen.not_captured)
    with pytest.raises(ProcessUnreadable):
        api.capture([str(service.pid)], tmp_path / "t.mapmedic", PLAN)
