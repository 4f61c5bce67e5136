"""``python -m benchmarks.name_addresses FILE < ADDRESSES``: function and file:line, as ``go tool addr2line``."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from mapmedic.capture.executable import open_executable


def main() -> None:
    """Print two lines for each hexadecimal address of the standard input."""
    addresses = np.array([int(line, 16) for line in sys.stdin], dtype=np.uint64)
    frames = open_executable(Path(sys.argv[1])).frames(addresses)
    columns = zip(frames.function.tolist(), frames.file.tolist(), frames.line.tolist(), strict=True)
    rows = [(frames.names[function], f"{frames.files[file]}:{line}") for function, file, line in columns]
    starts = frames.frame_start.tolist()
    out = []
    for begin, end in itertools.pairwise(starts):
        # The function around the inlined calls, and the place of the innermost: what addr2line says.
        out.append(f"{rows[end - 1][0]}\n{rows[begin][1]}\n" if begin < end else "?\n?:0\n")
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
