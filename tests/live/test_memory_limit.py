"""A process in a real cgroup whose memory limit is close: no copy of it is forked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.room import memory_room
from mapmedic.model.units import MIB
from tests.live.test_heap import PATIENCE_MS, assert_untouched

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
LIMIT_BYTES = 256 * MIB


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup with a memory limit, version 1 or 2; skip where none can be made."""
    for top, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        folder = Path("/sys/fs/cgroup") / top / f"mapmedic-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(str(LIMIT_BYTES))
        except OSError:
            folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("no cgroup with a memory limit can be made here")


def test_the_limit_of_its_cgroup_keeps_a_copy_from_being_made(cgroup: Path, lab_binary: Path) -> None:
    with LabService(lab_binary, Scenario("struct-field", entries=20_000, rate=0)) as service:
        (cgroup / "cgroup.procs").write_text(str(service.pid))
        room = memory_room(pid=service.pid)
        assert room is not None
        assert room.by_cgroup and room.free_bytes <= LIMIT_BYTES
        with pytest.raises(ProcessUnreadable, match="--memory-floor") as refused:
            api.heap(
                str(service.pid), snapshot="fork", max_pause_ms=PATIENCE_MS, memory_floor_bytes=LIMIT_BYTES
            )
        assert refused.value.cause == "no_memory"
        seen = api.heap(str(service.pid), max_pause_ms=PATIENCE_MS, memory_floor_bytes=LIMIT_BYTES)
        assert (seen.snapshot.mode, "free to it and us" in seen.snapshot.notes[0]) == ("freeze", True)
        assert_untouched(service)
