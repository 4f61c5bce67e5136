"""Into a core as into the process: --entries and --paths of it, and the core of a program that lies at any address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.source.toolchain import GoToolchain
from tests.live.scenarios import PATIENCE_MS, truth_of
from tests.live.test_heap import assert_as_in
from tests.live.test_heap_core import dying, ended_by_abort
from tests.support.command import run
from tests.support.toolchains import EVERY, toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
OWNER = "main.mgr.sessions"
SCENARIO = Scenario("struct-field", entries=4_000, rate=0)
WORDS = ("--entries", "--paths")
# Of pages in RAM a core says nothing; ages are as of the moment that memory is of.
OF_THE_MOMENT = ("resident_bytes", "snapshot", "target", "newest_seconds", "median_seconds", "oldest_seconds")


def looks(*target: object) -> list[dict[str, Any]]:
    """Return what is in the map, and who holds it."""
    done = [run("heap", *target, word, OWNER, "--json") for word in WORDS]
    assert [each.code for each in done] == [0, 0], done[0].err + done[1].err
    return [each.json for each in done]


@pytest.mark.parametrize("pie", [False, True] if EVERY else [True], ids=lambda pie: "pie" if pie else "plain")
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: go.version)
def test_a_core_is_looked_into_like_its_process(go: GoToolchain, pie: bool, tmp_path: Path) -> None:
    with dying(tmp_path), LabService(build_lab(go, pie=pie)[0], SCENARIO) as service:
        truth = truth_of(service.url)
        of_the_process = looks(service.pid, "--max-pause", int(PATIENCE_MS))
        ended_by_abort(service)
    core = f"core:{next(tmp_path.glob('core*'))}"
    found = api.heap(core)
    assert_as_in(truth, next(each for each in found.maps if each.owner == OWNER))
    assert found.snapshot.complete, found.unread
    of_the_core = looks(core)
    assert [lasting(each) for each in of_the_core] == [lasting(each) for each in of_the_process]
    assert looks(core) == of_the_core, "what was so when the core was written does not age"
    assert of_the_core[0]["contents"]["live"] == truth["entries"]
    assert of_the_core[1]["root"] == "main.mgr"


def lasting(part: Any) -> Any:
    """Return what does not depend on when, or by what, it was read."""
    if isinstance(part, list):
        return [lasting(each) for each in part]
    if isinstance(part, dict):
        return {name: lasting(value) for name, value in part.items() if name not in OF_THE_MOMENT}
    return part
