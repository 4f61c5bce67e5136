"""Whether a collection has ended since: until then nothing that was let go is given to anybody else.

src/runtime/mheap.go: ``sweepgen`` stands right before ``allspans``, in every version from 1.21 to 1.27; gcSweep
(mgc.go) raises it by two as marking ends, with the world stopped, and no span is swept for it before.
"""

from __future__ import annotations

from mapmedic.goheap.heap import GoHeap
from mapmedic.memory.reader import Place

_BEFORE_SPANS, _BYTES = 8, 4


def sweep_count(heap: GoHeap) -> Place:
    """Return where the runtime counts its collections as they begin to sweep."""
    return heap.runtime.mheap_spans - _BEFORE_SPANS, _BYTES
