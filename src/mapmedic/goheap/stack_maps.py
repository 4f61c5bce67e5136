"""Maps that lie wholly on a stack: where their headers would be."""

from __future__ import annotations

import numpy as np

from mapmedic.goheap.stacks import Stacks

# Of dirPtr and buckets in a header (src/internal/runtime/maps/map.go, src/runtime/map.go).
_PARTS = 16


def stack_headers(stacks: Stacks) -> list[int]:
    """Return where a header would begin whose first live pointer leads to the stack that it lies on itself.

    The compiler lays the header of a small map that does not escape into the frame, and its slots beside it.
    """
    words = stacks.certain
    goroutine = np.repeat(np.arange(len(stacks)), np.diff(words.start))
    is_own = (words.word >= stacks.low[goroutine]) & (words.word < stacks.high[goroutine])
    headers: list[int] = (words.address[is_own] - np.uint64(_PARTS)).tolist()
    return headers
