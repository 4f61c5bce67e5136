"""The runtime's own count of the pages in its spans, beside which those that were found must stand."""

from __future__ import annotations

from mapmedic.memory.reader import Memory

# Of a span of small objects, the pages at most (src/runtime/sizeclasses.go, class_to_allocnpages).
_MOST_SMALL_PAGES = 10


def may_be_found(memory: Memory, counted: int) -> range:
    """Return how many pages the spans may have in ``memory`` of one moment where the runtime counts ``counted``.

    Who takes a span says that it is in use, then counts its pages; who gives one back counts them off first
    (src/runtime/mheap.go, initSpan and freeSpanLocked): each thread may be between the two with one.
    """
    return range(counted, counted + _MOST_SMALL_PAGES * max(1, len(memory.threads)) + 1)
