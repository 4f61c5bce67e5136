"""The functions of the program that a process runs, by its own table, where they lie in the process."""

from __future__ import annotations

from dataclasses import replace
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np

from mapmedic.errors import FormatError, ProcessUnreadable
from mapmedic.formats.go_binary import GoBinary
from mapmedic.model.go_binary import FunctionTable


def read_functions(pid: int, text: tuple[int, int]) -> tuple[FunctionTable, str | None]:
    """Return the functions of process ``pid``, whose code lies at ``text`` [start, end), and the build id of its file.

    ProcessUnreadable where its file cannot be read.
    """
    try:
        with (
            Path(f"/proc/{pid}/exe").open("rb") as file,
            mmap(file.fileno(), 0, access=ACCESS_READ) as data,
        ):
            return _functions(data, text[0])
    except (OSError, ValueError, FormatError) as error:
        raise ProcessUnreadable(pid, f"its program's file cannot be read: {error}") from error


def _functions(data: mmap, start: int) -> tuple[FunctionTable, str | None]:
    binary = GoBinary(data)
    distance = np.uint64(start) - np.uint64(binary.facts.text[0])
    table = binary.functions
    return replace(table, entry=table.entry + distance), binary.facts.go_build_id or None
