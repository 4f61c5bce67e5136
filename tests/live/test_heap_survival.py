"""Kill the tool in the middle of a look at a program that is hard to stop; the program itself says what it lost.

MAPMEDIC_KILLS=300 pytest -n0 tests/live/test_heap_survival.py      # 6 kills each by default
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic import api
from tests.live.aftermath import wrong_with
from tests.live.survival import Killer, killer, kills
from tests.live.survival_table import PROGRAMS
from tests.live.survival_target import build_busy_program, busy

KILLS = int(os.environ.get("MAPMEDIC_KILLS", "6"))
pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_busy_program(tmp_path_factory.mktemp("survival"))


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("killer")) as found:
        yield found


@pytest.mark.parametrize(("way", "how"), [(way, how) for way, all_ in PROGRAMS.items() for how in all_])
def test_killed_behind_any_step_the_tool_costs_a_busy_program_nothing(
    way: str, how: str, program: Path, killing: Killer
) -> None:
    done = list(kills(program, how, way, KILLS, killing))
    assert [(kill.step, kill.cost) for kill in done if kill.cost] == []
    assert len(done) > KILLS / 2, "the kills came too late"


@pytest.mark.parametrize("how", ["threads", "profile", "exec", "confined"])
def test_a_look_at_a_busy_program_is_whole(how: str, program: Path) -> None:
    with busy(program, how) as found:
        for _ in range(3):
            seen = api.heap(str(found.pid), max_pause_ms=5_000.0)
            assert seen.maps[0].entries == 50_000
            assert found.goes_on() == []
        assert wrong_with(found.pid, its_own=how == "exec") == []
