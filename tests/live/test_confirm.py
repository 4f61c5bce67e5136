"""Two ways to the runtime's heap and goroutines: they agree on a real process, and where they do not, it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mapmedic import _native
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import CouldNotLook
from mapmedic.goheap.confirm import confirm_runtime
from mapmedic.goheap.runtime import find_runtime
from mapmedic.goheap.stacks import read_code
from mapmedic.memory.reader import Address
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits
from tests.live.test_heap import PATIENCE_MS

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]


class NoNames:
    """A mock: the functions of a program whose names were changed."""

    def operands(self, name: str, start: int, end: int) -> None:
        """Know no function."""


def test_the_code_names_what_the_structures_look_like(start_lab: Callable[[Scenario], LabService]) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    memory = read_process(service.pid, Limits(max_pause_ms=PATIENCE_MS))
    runtime = find_runtime(memory)
    code = read_code(memory, runtime)
    assert confirm_runtime(memory, runtime, code) == ()

    for wrong in (
        replace(runtime, allspans=Address(runtime.allspans + 8)),
        replace(runtime, spans=runtime.spans - 1),
        replace(runtime, pages_in_use=runtime.pages_in_use + 1),
    ):
        with pytest.raises(CouldNotLook, match=r"heap spans .* runtime\.mallocinit"):
            confirm_runtime(memory, wrong, code)
    with pytest.raises(CouldNotLook, match=r"goroutines .* runtime\.allgadd"):
        confirm_runtime(memory, replace(runtime, goroutines=runtime.goroutines[:-1]), code)

    nothing: _native.GoCode = NoNames()  # type: ignore[assignment]
    doubts = confirm_runtime(memory, runtime, nothing)
    assert len(doubts) == 2
    assert all("the program has no runtime." in doubt for doubt in doubts)
