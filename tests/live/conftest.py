"""One lab binary for all live tests, built with the machine's own Go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mapmedic.demo.service import LabService, Scenario, build_lab


@pytest.fixture(scope="session")
def lab_binary() -> Path:
    """The lab, built once."""
    return build_lab()[0]


@pytest.fixture
def start_lab(lab_binary: Path) -> Iterator[Callable[[Scenario], LabService]]:
    """Start labs that end with the test."""
    with ExitStack() as stack:
        yield lambda scenario: stack.enter_context(LabService(lab_binary, scenario))
