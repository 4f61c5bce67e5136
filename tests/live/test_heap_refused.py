"""A process that may have no second one: the fork that nobody asked for is done without, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.errors import ProcessUnreadable
from tests.live.aftermath import wrong_with
from tests.live.survival_target import Busy, build_busy_program, busy
from tests.live.test_heap import PATIENCE_MS

pytestmark = [
    pytest.mark.live,
    pytest.mark.usefixtures("may_trace"),
    pytest.mark.skipif(
        os.geteuid() != 0, reason="a limit on processes does not hold for the one user we could be"
    ),
]
SOMEBODY = 61_234


@pytest.fixture(scope="module")
def limited() -> Iterator[Busy]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build_busy_program(folder)
        folder.chmod(0o755)
        shutil.chown(folder, SOMEBODY)
        with busy(program, "limited", user=SOMEBODY) as found:
            # By its own user: root may be without CAP_SYS_RESOURCE.
            subprocess.run(["prlimit", "--nproc=1:1", "--pid", str(found.pid)], user=SOMEBODY, check=True)
            yield found


def test_a_refused_fork_is_done_without_and_it_is_said(limited: Busy) -> None:
    seen = api.heap(str(limited.pid), max_pause_ms=PATIENCE_MS)
    assert seen.snapshot.mode == "freeze"
    assert "RLIMIT_NPROC" in seen.snapshot.notes[0]
    assert seen.maps[0].entries == 50_000
    assert limited.goes_on() == []
    assert wrong_with(limited.pid) == []


def test_a_refused_fork_that_was_asked_for_is_an_error(limited: Busy) -> None:
    with pytest.raises(ProcessUnreadable, match="RLIMIT_NPROC") as refused:
        api.heap(str(limited.pid), snapshot="fork", max_pause_ms=PATIENCE_MS)
    assert refused.value.cause == "no_process"
    assert limited.goes_on() == []
    assert wrong_with(limited.pid) == []
