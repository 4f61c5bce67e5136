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
    words, places = roots.words, roots.addresses
    if words.size < 2:
        return []
    pairs = (places[1:] == places[:-1] + np.uint64(8)) & (places[:-1] != 0)
    is_type = _within(words[:-1], runtime.types, runtime.types_end)
    found = [(int(i) + 1, int(words[i])) for i in np.nonzero(pairs & is_type)[0]]
    # Tables lie in the program's data, or, made while it runs, outside of the heap: the former are enough here.
    start, end = memory.program
    for i in np.nonzero(pairs & ~is_type & _within(words[:-1], start, end))[0]:
        table = memory.words(int(words[i]), "2Q")
        if table is not None and all(runtime.types <= each < runtime.types_end for each in table):
            found.append((int(i) + 1, table[1]))
    return found


def _within(words: np.ndarray, start: int, end: int) -> np.ndarray:
    return (words >= np.uint64(start)) & (words < np.uint64(end))
