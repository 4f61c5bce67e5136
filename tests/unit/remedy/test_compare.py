"""Two observations of a service compared."""

from __future__ import annotations

import pytest

from mapmedic.model.observation import MemoryPoint, Observation, Process
from mapmedic.model.units import MIB, UnixNanoseconds
from mapmedic.remedy.apply import Beside
from mapmedic.remedy.compare import compare
from mapmedic.remedy.proof import Criteria


def seen(mib: int, started_at: float | None) -> Observation:
    point = MemoryPoint(UnixNanoseconds(0), mib * MIB, mib * MIB)
    return Observation("svc", (), (point,), (), None, process=Process(started_at))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (100.0, 900.0, True),
        (900.0, 100.0, True),
        (100.0, 102.0, False),
        (100.0, None, False),
        (None, None, False),
    ],
)
def test_memory_that_came_back_by_a_restart_is_told(
    first: float | None, second: float | None, told: bool
) -> None:
    proof = compare(seen(100, first), seen(10, second), Criteria(), Beside())
    assert proof.passed, "a restart does bring the memory back, and a patch comes with one"
    assert ("same_process" in [check.name for check in proof.checks]) is told
