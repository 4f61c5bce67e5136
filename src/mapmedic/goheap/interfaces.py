"""Which roots are values of interfaces: the word before them names a type."""

from __future__ import annotations

import numpy as np

from mapmedic.goheap.roots import Roots
from mapmedic.goheap.runtime import Runtime
from mapmedic.memory.reader import Memory


def find_interfaces(memory: Memory, runtime: Runtime, roots: Roots) -> list[tuple[int, int]]:
    """Return (root number, address of its value's type) for each root behind a type, or behind a table that names one.

    Upstream: src/runtime/runtime2.go (eface, iface), src/internal/abi/iface.go (ITab).
    """
    start, end = memory.program
    found = []
    # Tables lie in the program's data, beside its types from Go 1.26 on, or, made while it runs, outside of the heap:
    # the former are enough here.
    for number in np.nonzero(_within(roots.before, start, end))[0].tolist():
        before = int(roots.before[number])
        table = memory.words(before, "2Q")
        if table is not None and all(runtime.types <= each < runtime.types_end for each in table):
            found.append((number, table[1]))
        elif runtime.types <= before < runtime.types_end:
            found.append((number, before))
    return found


def _within(words: np.ndarray, start: int, end: int) -> np.ndarray:
    return (words >= np.uint64(start)) & (words < np.uint64(end))
