"""One lab binary for all live tests, built with the machine's own Go; who may look into a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mapmedic import _native
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.memory.process import read_facts


@pytest.fixture(scope="session")
def lab_binary() -> Path:
    """The lab, built once."""
    return build_lab()[0]


@pytest.fixture
def start_lab(lab_binary: Path) -> Iterator[Callable[[Scenario], LabService]]:
    """Start labs that end with the test."""
    with ExitStack() as stack:
        yield lambda scenario: stack.enter_context(LabService(lab_binary, scenario))


@pytest.fixture(scope="session")
def may_trace() -> None:
    """Skip where the machine lets nobody look into a process, or confines us by seccomp: there is nothing to test."""
    if read_facts(os.getpid()).seccomp:
        pytest.skip("a seccomp filter confines this process and what it starts")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            _native.stop_process(child.pid, 5_000_000_000).release()
        except _native.WindowFailed as error:
            pytest.skip(f"ptrace is not allowed here: {error}")
        finally:
            child.communicate(b"\n")
