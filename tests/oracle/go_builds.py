"""The truth program, built by any Go in any way, and asked about itself."""

from __future__ import annotations

import mmap
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mapmedic.formats.go_binary import GoBinary
from mapmedic.source.toolchain import GoToolchain

PROGRAM = Path(__file__).parent / "truth_program"
MODES = {
    "plain": ["-ldflags=-compressdwarf=false"],
    "stripped": ["-ldflags=-s -w"],
    "pie": ["-buildmode=pie"],
    "pie-stripped": ["-buildmode=pie", "-ldflags=-s -w"],
}
Frames = list[tuple[str, str, int, int]]


@dataclass(frozen=True)
class Build:
    """One built truth program and our reading of its file."""

    path: Path
    go: GoToolchain
    binary: GoBinary

    def ask(self, mode: str, pcs: list[int] | None = None) -> tuple[int, list[str]]:
        """Run it; return where it was loaded relative to the file, and the lines it answered.

        ``pcs`` are addresses in the file; a process that asks where it is before it is told which ones.
        """
        command = [str(self.path), mode]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            if pcs is None:
                process.stdin.close()
                return self._bias(process.stdout.readline()), process.stdout.read().split("\n")[:-1]
            # The address comes first and unbuffered only once the program has read something.
            bias = self._bias(process.stdout.readline())
            out, _ = process.communicate("".join(f"{pc + bias:x}\n" for pc in pcs), timeout=60)
            return bias, out.split("\n")[:-1]

    def _bias(self, line: str) -> int:
        functions = self.binary.functions
        return int(line, 16) - int(functions.entry[functions.names.index("main.main")])

    def frames(self, pcs: list[int]) -> list[Frames]:
        """Return our own reading: call address in the file -> frames."""
        ours = self.binary.frames(np.array(pcs, dtype=np.uint64))
        columns = (ours.function, ours.file, ours.line, ours.start_line)
        rows = [
            (ours.names[function], ours.files[file], line, start)
            for function, file, line, start in zip(*(c.tolist() for c in columns), strict=True)
        ]
        starts = ours.frame_start.tolist()
        return [rows[begin:end] for begin, end in pairwise(starts)]


def build(go: GoToolchain, mode: str, folder: Path, machine: str = "amd64") -> Build:
    """Build the truth program for ``machine`` with ``go`` in the way that ``mode`` names."""
    path = folder / f"truth-{go.version}-{machine}-{mode}"
    subprocess.run(
        [str(go.path), "build", "-trimpath", *MODES[mode], "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "0", "GOARCH": machine}, check=True, timeout=400,
    )  # fmt: skip
    return Build(path, go, open_binary(path))


def open_binary(path: Path) -> GoBinary:
    """Map the file at ``path`` and read it as a Go program."""
    with path.open("rb") as file:
        return GoBinary(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def told(line: str) -> tuple[str, Frames]:
    """Take apart what the program said about one address or one stack: the words before, and the frames."""
    head, *frames = line.split("\x1f")
    return head, [_frame(frame) for frame in frames]


def _frame(text: str) -> tuple[str, str, int, int]:
    function, file, line, start = text.split("\x1e")
    return function, file, int(line), int(start)
