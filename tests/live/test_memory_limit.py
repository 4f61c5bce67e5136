"""A process in a real cgroup whose memory limit is close: no copy of it is forked, or the copy is killed in time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.room import memory_room, read_text
from mapmedic.model.units import MIB
from mapmedic.source.toolchain import find_go
from tests.live.aftermath import wrong_with
from tests.live.test_heap import PATIENCE_MS, assert_untouched

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
LIMIT_BYTES = 256 * MIB
DIRTYING = Path(__file__).parent / "dirtying_program"
# Of the 100 MiB that its 144 leave free, what is to stay: a copy of which all is written to takes more than both.
FLOOR_BYTES = 56 * MIB
TRIES = 40
PATIENCE_SECONDS = 60.0


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


class Dirtying:
    """A program that writes to all of its memory over and over, and says how often it did."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.pid = process, process.pid

    def rounds(self) -> int:
        """Return how often it has been through; ValueError where it has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def goes_on(self) -> bool:
        """Tell whether it goes through its memory once more."""
        before, deadline = self.rounds(), time.monotonic() + PATIENCE_SECONDS
        while self.rounds() <= before:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True


@contextmanager
def dirtying(cgroup: Path, folder: Path) -> Iterator[Dirtying]:
    """Build and start it in ``cgroup``; it ends with the block."""
    go, program = find_go("build the program that dirties its memory"), folder / "dirtying"
    subprocess.run(
        [str(go.path), "build", "-o", str(program), "."], cwd=DIRTYING, env=go.environment, check=True
    )
    inside = ["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs && exec "$0"', str(program)]
    with subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Dirtying(process)
        finally:
            process.kill()


def test_a_copy_that_takes_what_is_to_stay_is_killed_and_the_process_runs_on(
    cgroup: Path, tmp_path: Path
) -> None:
    with dirtying(cgroup, tmp_path) as found:
        assert found.goes_on()
        killed = next(filter(None, (killed_copy(found.pid) for _ in range(TRIES))), None)
        assert killed is not None, "no copy lived long enough to take what is to stay"
        assert killed.cause == "no_memory", str(killed)
        assert "MiB were left, and 56 are to stay (--memory-floor). The copy was killed" in str(killed)
        assert found.goes_on()
        assert wrong_with(found.pid) == []
        assert ended_for_want_of_memory(cgroup) == 0


def killed_copy(pid: int) -> ProcessUnreadable | None:
    """Return what is said of a copy that was killed; None where it was copied before that."""
    try:
        api.heap(str(pid), snapshot="fork", max_pause_ms=PATIENCE_MS, memory_floor_bytes=FLOOR_BYTES)
    except ProcessUnreadable as error:
        return error
    return None


def ended_for_want_of_memory(cgroup: Path) -> int:
    """Return how many processes of ``cgroup`` the kernel has killed: memory.events (v2), memory.oom_control (v1)."""
    said = read_text(cgroup / "memory.events") + "\n" + read_text(cgroup / "memory.oom_control")
    return int(dict(line.split() for line in said.splitlines() if line)["oom_kill"])
