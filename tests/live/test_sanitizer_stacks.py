"""Stacks of a program built with -race: its detector is C that is called from anywhere, also within a map operation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mapmedic.goheap.runtime import find_runtime
from mapmedic.goheap.stacks import End, Found, read_code, unwind_stacks
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits, SnapshotMode
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import running
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
PROGRAM = Path(__file__).parent / "sanitized_program"
LOOKS, MOST_LOOKS = 10, 200


def build(go: GoToolchain, folder: Path) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    path = folder / f"sanitized-{go.version}"
    subprocess.run(
        [str(go.path), "build", "-race", "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "1"}, check=True, timeout=400,
    )  # fmt: skip
    return path


def vdso(pid: int) -> range:
    """Return where the kernel's own code lies, which tells the time: g.sched is right while it does."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    (bounds,) = (line.split()[0] for line in lines if line.endswith("[vdso]"))
    return range(*(int(each, 16) for each in bounds.split("-")))


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_who_is_in_the_race_detector_is_not_guessed_at(go: GoToolchain, tmp_path: Path) -> None:
    in_detector = 0
    with running(build(go, tmp_path)) as process:
        clock = vdso(process.pid)
        for _ in range(MOST_LOOKS):
            memory = read_process(process.pid, Limits(SnapshotMode.FREEZE, max_pause_ms=5_000.0))
            runtime = find_runtime(memory)
            code = read_code(memory, runtime)
            stacks = unwind_stacks(memory, runtime, code)
            at = {each.id: int(each.instruction_pointer) for each in memory.threads}
            for number in range(len(stacks)):
                pc = at.get(int(stacks.thread[number]))
                if pc is None or pc in clock or code.function(pc) is not None:
                    continue
                stack = stacks.stack(number)
                # What g.sched holds is of the last call of C, and the frames above it are of that moment.
                assert (stack.found, stack.end) == (Found.NOWHERE, End.NO_FUNCTION), stack
                in_detector += 1
            if in_detector >= LOOKS:
                return
    raise AssertionError(f"only {in_detector} goroutines were met in the race detector")
