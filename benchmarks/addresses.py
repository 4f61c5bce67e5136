"""Naming addresses from a Go program's file, beside ``go tool addr2line`` on the same file and addresses."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Bar, Result, beside, cost_of, in_turn, spread
from mapmedic.capture.executable import open_executable
from mapmedic.source.toolchain import GoToolchain

_ADDRESSES = 20_000
_CPU_SECONDS = 0.3


def run(go: GoToolchain, folder: Path, runs: int) -> Result:
    """Name 20,000 addresses of the largest program that comes with Go: its compiler, or the go command."""
    program = max(_programs(go), key=lambda path: path.stat().st_size)
    functions = open_executable(program).functions
    random = np.random.default_rng(1)
    addresses = random.integers(
        int(functions.entry[0]), int(functions.entry[-1]), _ADDRESSES, dtype=np.uint64
    )
    asked = folder / "addresses"
    asked.write_text("".join(f"{address:#x}\n" for address in addresses.tolist()))
    addr2line = _tool(go, "addr2line")
    ours, theirs = in_turn(
        runs,
        lambda: cost_of([sys.executable, "-m", "benchmarks.name_addresses", str(program)], stdin=asked),
        lambda: cost_of([str(addr2line), str(program)], stdin=asked),
    )
    alone = [_open_and_name(program, addresses) for _ in range(runs)]
    return Result(
        "Naming addresses from a program's file",
        f"{_ADDRESSES:,} random addresses of {program.name} ({program.stat().st_size / 1e6:.0f} MB, "
        f"{len(functions.names):,} functions, {go.version}); whole processes, Python's start included; "
        f"n = {runs} pairs. Opening and naming alone, in a process that runs already: {spread(alone)} CPU-s. "
        "mapmedic unfolds the inlined calls as well, which addr2line does not.",
        beside("go tool addr2line", ours, theirs)[:2],  # both are smaller than what starts them: no memory
        (Bar("opened and named", min(alone), _CPU_SECONDS, at_least=False, unit=" CPU-s"),),
    )


def _open_and_name(program: Path, addresses: NDArray[np.uint64]) -> float:
    started = time.process_time()
    open_executable(program).frames(addresses)
    return time.process_time() - started


def _programs(go: GoToolchain) -> list[Path]:
    return [go.path.resolve(), _tool(go, "compile")]


def _tool(go: GoToolchain, name: str) -> Path:
    # Since Go 1.25 the go command builds the rarer tools when they are first asked for.
    subprocess.run(
        [str(go.path), "tool", name, "-h"], env=go.environment, capture_output=True, check=False, timeout=180
    )
    said = subprocess.run(
        [str(go.path), "tool", "-n", name],
        env=go.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return Path(said.stdout.split()[0])
