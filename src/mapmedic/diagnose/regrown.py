"""Tell a growing slice without its runtime frame: one line that re-makes one array, larger each time.

Up to Go 1.25 the profiler drops mallocgc's direct caller from the stack (src/runtime/mprof.go callers(4)
and callers(5)), and for append that caller is runtime.growslice: nothing is left to restore. What remains
is the pattern: one call site, sizes rising step by step, each made about once, all but the newest freed.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from mapmedic.model.frames import is_runtime, is_standard_library
from mapmedic.model.heap import HeapProfile

# append grows large slices by a quarter and small ones by double (src/runtime/slice.go nextslicecap). The
# sampler misses steps, so a step may be any size, but never small: buffers of any length lie closer.
_FEWEST_SIZES = 3
_SMALLEST_STEP = 1.1
_MOST_ALLOCATIONS_PER_SIZE = 3
_MOST_HELD = 2


def regrown_arrays(heap: HeapProfile, least_bytes: int) -> dict[str, list[int]]:
    """Return function -> records of the one array it re-makes, where the longest is ``least_bytes`` or more.

    From Go 1.26 every stack starts in the runtime, so that nothing here mistakes a value for an array.
    """
    by_place: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for record, stack in enumerate(heap.stacks):
        leaf = stack[0] if stack else None
        if leaf and not is_runtime(leaf.function) and not is_standard_library(leaf.function):
            by_place[leaf.function, leaf.line].append(record)
    found: dict[str, list[int]] = defaultdict(list)
    for (function, _), records in by_place.items():
        if _is_one_array(heap, records, least_bytes):
            found[function] += records
    return found


def _is_one_array(heap: HeapProfile, records: list[int], least_bytes: int) -> bool:
    made: dict[int, int] = defaultdict(int)
    held: dict[int, int] = defaultdict(int)
    for record in records:
        size = int(heap.object_bytes[record])
        made[size] += int(heap.sampled_allocs[record])
        held[size] += int(heap.sampled_inuse[record])
    sizes = sorted(made)
    if len(sizes) < _FEWEST_SIZES or sizes[-1] < least_bytes:
        return False
    steps = (larger / max(1, smaller) for smaller, larger in pairwise(sizes))
    still_held = [size for size in sizes if held[size]]
    return (
        max(made.values()) <= _MOST_ALLOCATIONS_PER_SIZE
        and min(steps) >= _SMALLEST_STEP
        and len(still_held) <= _MOST_HELD
        and all(size in sizes[-_MOST_HELD:] for size in still_held)
    )
