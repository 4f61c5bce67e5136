"""Stacks as we unwind them from memory, beside those that the runtime prints when the program is sent SIGQUIT."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from mapmedic import _native
from mapmedic.errors import CouldNotLook
from mapmedic.goheap.runtime import find_runtime
from mapmedic.goheap.stacks import End, Found, Stack, Stacks, read_code, unwind_stacks
from mapmedic.memory.reader import Address, Memory
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits, SnapshotMode
from mapmedic.source.toolchain import GoToolchain
from tests.support.toolchains import toolchains

pytestmark = pytest.mark.live
PROGRAM = Path(__file__).parent / "stack_program"
MODES = {
    "plain": ("0", []),
    "stripped": ("0", ["-ldflags=-s -w"]),
    "pie": ("0", ["-buildmode=pie"]),
    "cgo": ("1", ["-ldflags=-s -w"]),
}
WORKS = {"main.spin", "main.callMuch", "main.readTheClock", "main.allocateMuch", "main.fillMap"}
LOOKS = 20
DAMAGES, MOST_DAMAGES = 8, 60
LIES = [bytes(8), b"\xff" * 8, b"\x01" + bytes(7), b"\xff" * 6 + bytes(2), bytes(4) + b"\xff" * 4]
PATIENCE_MS = 5_000.0


def build(go: GoToolchain, mode: str, folder: Path) -> Path:
    cgo, flags = MODES[mode]
    if cgo == "1" and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    path = folder / f"stacks-{go.version}-{mode}"
    subprocess.run(
        [str(go.path), "build", *flags, "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": cgo}, check=True, timeout=400,
    )  # fmt: skip
    return path


@contextmanager
def running(program: Path) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    environment = {**os.environ, "GOTRACEBACK": "system", "GOMAXPROCS": "3"}
    with subprocess.Popen(
        [program], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            yield process
        finally:
            process.kill()


def look(pid: int, how: SnapshotMode | None = None) -> list[Stack]:
    return unwound(read_process(pid, Limits(how, PATIENCE_MS)))


def unwound(memory: Memory) -> list[Stack]:
    runtime = find_runtime(memory)
    code = read_code(memory, runtime)
    stacks = unwind_stacks(memory, runtime, code)
    # What was met in the code the first time is known the second.
    assert words(unwind_stacks(memory, runtime, code)) == words(stacks)
    return [stacks.stack(index) for index in range(len(stacks))]


def words(stacks: Stacks) -> list[bytes]:
    lists = (stacks.certain, stacks.doubtful)
    columns = [stacks.id, stacks.end, stacks.frame_start, stacks.pc, stacks.entry, stacks.sp, stacks.fp]
    return [
        each.tobytes()
        for each in (*columns, *(c for w in lists for c in (w.start, w.address, w.word, w.before)))
    ]


def functions(stack: Stack) -> list[str]:
    """Return the names as a traceback prints them, innermost first."""
    names = [name for frame in stack.frames for name in frame.functions]
    return ["panic" if name == "runtime.gopanic" else name for name in names]


def printed(text: str) -> dict[int, list[str]]:
    """Return goroutine -> what the runtime printed of it, for each that waits in code of the program's own."""
    stacks = {}
    for block in text.split("\n\n"):
        head, *lines = block.strip().split("\n")
        match = re.match(r"goroutine (\d+) .*\[(.*?)\]", head)
        names = [
            re.sub(r"\([^()]*\)$", "", line) for line in lines if not line.startswith(("\t", "created by"))
        ]
        if match and match.group(2) != "running" and any(name.startswith("main.") for name in names):
            stacks[int(match.group(1))] = names
    return {id_: names for id_, names in stacks.items() if not WORKS & set(names)}


def agree(ours: list[str], theirs: list[str]) -> bool:
    """Compare two stacks; the runtime prints no more than 50 frames at either end."""
    elided = next((n for n, line in enumerate(theirs) if line.endswith("frames elided...")), None)
    if elided is None:
        return ours == theirs
    above, below = theirs[:elided], theirs[elided + 1 :]
    left_out = int(theirs[elided].removeprefix("...").split()[0])
    whole = len(ours) == len(above) + left_out + len(below)
    return whole and ours[: len(above)] == above and ours[-len(below) :] == below


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_every_stack_is_what_the_runtime_says(go: GoToolchain, mode: str, tmp_path: Path) -> None:
    with running(build(go, mode, tmp_path)) as process:
        seen = {stack.goroutine: stack for stack in look(process.pid)}
        process.send_signal(signal.SIGQUIT)
        theirs = printed(process.communicate(timeout=30)[1])
    assert len(theirs) >= 18
    wrong = {
        id_: functions(seen[id_]) for id_, names in theirs.items() if not agree(functions(seen[id_]), names)
    }
    assert wrong == {}
    assert all(seen[id_].end is End.WHOLE for id_ in theirs)
    ways = {seen[id_].found for id_ in theirs}
    assert ways == {Found.PARKED, Found.IN_SYSTEM_CALL}


def test_whoever_runs_is_unwound_from_its_thread_or_it_is_said_why_not(tmp_path: Path) -> None:
    ways: dict[Found, int] = {}
    cut = total = 0
    with running(build(toolchains()[-1], "stripped", tmp_path)) as process, storm_of_signals(process.pid):
        for number in range(LOOKS):
            for stack in look(process.pid, (SnapshotMode.FREEZE, SnapshotMode.FORK)[number % 2]):
                names = functions(stack)
                if stack.end is not End.WHOLE:
                    assert stack.why or stack.end is End.NO_STACK
                    cut += bool(stack.why)
                    total += bool(stack.why)
                elif WORKS & set(names):
                    assert names[-2:] == ["main.main.func1.1", "runtime.goexit"]
                    assert names[-3] in WORKS
                    total += 1
                    ways[stack.found] = ways.get(stack.found, 0) + 1
                assert_frames_touch(stack)
    assert total == LOOKS * len(WORKS)
    assert ways[Found.RUNNING]
    assert cut < total / 20


@contextmanager
def storm_of_signals(pid: int) -> Iterator[None]:
    """Ask the process all the time to preempt its goroutines, so that some look meets a signal's handler."""
    calm = threading.Event()

    def send() -> None:
        while not calm.wait(0.0002):
            os.kill(pid, signal.SIGURG)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        calm.set()
        sender.join()


def assert_frames_touch(stack: Stack) -> None:
    """Each frame begins where the one before it ended, all of them on the stack."""
    edges = [(frame.low, frame.high) for frame in stack.frames]
    assert all(stack.low <= low < high <= stack.high for low, high in edges)
    assert all(before[1] == after[0] for before, after in pairwise(edges))


def test_without_registers_a_running_goroutine_is_not_guessed_at(tmp_path: Path) -> None:
    with running(build(toolchains()[-1], "stripped", tmp_path)) as process:
        memory = replace(read_process(process.pid, Limits(None, PATIENCE_MS)), threads=())
    seen = unwound(memory)
    assert not any(stack.found in (Found.RUNNING, Found.ON_SYSTEM_STACK) for stack in seen)
    assert all(stack.end is not End.NO_THREAD or stack.frames == () for stack in seen)


def test_damaged_memory_is_unwound_or_refused(tmp_path: Path) -> None:
    with running(build(toolchains()[-1], "stripped", tmp_path)) as process:
        memory = read_process(process.pid, Limits(None, PATIENCE_MS))
    runtime = find_runtime(memory)
    whole = {
        extent.start: raw
        for extent in memory.extents
        if (raw := memory.read(extent.start, extent.end - extent.start)) is not None
    }
    chance = random.Random(1)  # noqa: S311 - which bytes are damaged is no secret
    ends = set()
    for number in range(
        MOST_DAMAGES
    ):  # where each process lies elsewhere, eight may all hit what is refused at once
        if number >= DAMAGES and len(ends) > 2:
            break
        damaged = damage(memory, whole, chance, [*runtime.goroutines, runtime.module])
        began = time.process_time()
        try:
            stacks = unwind_stacks(damaged, runtime, read_code(damaged, runtime))
            ends |= {stacks.stack(index).end for index in range(len(stacks))}
        except CouldNotLook:
            ends.add(None)
        assert time.process_time() - began < 5
    assert len(ends) > 2


def damage(
    memory: Memory, whole: dict[Address, bytes], chance: random.Random, places: list[Address]
) -> Memory:
    """Return ``memory`` with words overwritten: anywhere, in the gs, and in what the tables are found by."""
    pieces, offset = [], 0
    with tempfile.TemporaryFile() as file:
        for start, raw in whole.items():
            changed = bytearray(raw)
            here = [at - start for at in places if start <= at < start + len(raw)]
            for at in (chance.choice(here) + chance.randrange(0, 400, 8) for _ in range(3) if here):
                changed[at : at + 8] = chance.choice(LIES)
            for at in (chance.randrange(0, len(raw) - 8) for _ in range(len(raw) >> 14)):
                changed[at : at + 8] = chance.choice(LIES)
            file.write(changed[: len(raw)])
            pieces.append((int(start), len(raw), offset))
            offset += len(raw)
        file.flush()
        return replace(memory, image=_native.Image([([file.fileno()], pieces)]))
