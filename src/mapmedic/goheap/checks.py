"""What was read, held against what the runtime and the kernel say of it. A check that fails takes back a claim."""

from __future__ import annotations

from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.page_count import may_be_found
from mapmedic.model.inventory import Account, HeapCheck
from mapmedic.model.memstats import MemStats

# Of VmRSS, how much may be left over: memory comes and goes between two questions to the kernel.
_MOST_UNEXPLAINED = 0.02
# Of a figure of MemStats, how much may have moved between its reading and ours, and what asking for it costs.
_MOST_MOVED, _ASKING_BYTES, _ASKING_OBJECTS = 0.01, 1 << 20, 4096


def own_checks(heap: GoHeap, account: Account | None) -> tuple[HeapCheck, ...]:
    """Return what can be checked with nothing but the memory itself, and the kernel's count of pages."""
    totals = heap.totals
    pages = may_be_found(heap.memory, heap.runtime.pages_in_use)
    unsound = sum(int((columns["is_sound"] == 0).sum()) for columns in (heap.maps, heap.sync_maps))
    lost = sum(end - start for start, end in heap.memory.unread)
    checks = [
        _within("pages in spans, as mheap.pagesInUse", totals["pages_in_use"], pages[0], pages[-1]),
        _within("objects whose pointers cannot be read", totals["unread_objects"], 0, 0),
        _within("bytes of memory that could not be read", lost, 0, 0),
        _within("maps left out, as written to or contradictory", unsound, 0, 0),
    ]
    if account is not None:
        most = int(account.rss_bytes * _MOST_UNEXPLAINED)
        checks.append(_within("bytes of VmRSS that are unexplained", account.unexplained_bytes, -most, most))
    return tuple(checks)


def memstats_checks(heap: GoHeap, before: MemStats, after: MemStats) -> tuple[HeapCheck, ...]:
    """Return how the heap's objects and bytes agree with what MemStats said ``before`` and ``after`` it was read.

    Both count what is allocated, garbage that is not swept yet included, so that nothing can be said where a
    collection ended in between.
    """
    objects = ("objects, as MemStats.HeapObjects", heap.totals["allocated_objects"])
    bytes_ = ("bytes of objects, as MemStats.HeapAlloc", heap.totals["allocated_bytes"])
    if before.num_gc != after.num_gc:
        why = f"{after.num_gc - before.num_gc} collections ended while it was read"
        return tuple(HeapCheck(name, found, None, None, None, why) for name, found in (objects, bytes_))
    return (
        _near(*objects, before.heap_objects, after.heap_objects, _ASKING_OBJECTS),
        _near(*bytes_, before.heap_alloc_bytes, after.heap_alloc_bytes, _ASKING_BYTES),
    )


def _near(name: str, found: int, before: int, after: int, asking: int) -> HeapCheck:
    moved = int(_MOST_MOVED * max(before, after)) + asking
    return _within(name, found, max(0, min(before, after) - moved), max(before, after) + moved)


def _within(name: str, found: int, least: int, most: int) -> HeapCheck:
    passed = least <= found <= most
    expected = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return HeapCheck(name, found, least, most, passed, "" if passed else f"{found:,}, not {expected}")
