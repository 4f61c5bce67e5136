"""idle_not_returned: the heap was large once; it is small again, and the system has not got the memory back.

What it measures: heap memory that is free, not returned, and more than the next GC cycle will need
(HeapSys - HeapReleased - 1.1 NextGC), at the first capture, before anything we did could return it.
Why it is said: RSS looks like a leak and is none. Go returns such memory slowly, in the background.
Mend it: debug.FreeOSMemory after the burst, or a GOMEMLIMIT that makes Go return it when it matters.
"""

from __future__ import annotations

from mapmedic.diagnose.accounts import accounts
from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.exact import Exact
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "Nothing leaks. Call debug.FreeOSMemory() after the burst that needed it, or set GOMEMLIMIT a little below "
        "the container's limit, so that Go returns memory before the limit is reached."
    ),
)
_SOURCE = "MemStats: HeapSys - HeapReleased - 1.1 x NextGC"
_COUNTED = "resident pages of the heap that are in no span"


def _counted(case: Case, exact: Exact) -> list[Suspect]:
    """Return the free heap of a process that was seen to allocate nothing: no cycle will need it soon."""
    looks = exact.accounts
    if looks is None or exact.seconds is None:
        return []
    bars, (first, last) = case.thresholds, looks
    used = [each.live_bytes + each.dead_bytes for each in looks]
    held = sum((used[1], last.room_bytes, last.free_bytes, last.stack_bytes, last.runtime_bytes))
    share = last.free_bytes / max(1, held)
    free = min(first.free_bytes, last.free_bytes)
    if free < bars.large_bytes or share < bars.idle_share or abs(used[1] - used[0]) >= bars.growth_bytes:
        return []
    reasons = (
        f"{share:.0%} of what Go holds is free heap, and was so {exact.seconds:.0f} s earlier",
        "next to nothing was allocated in between",
    )
    free_heap = Evidence("free heap that was not given back", free, bars.large_bytes, _COUNTED, "bytes")
    return [_suspect(case, reasons, last.free_bytes, share, free_heap)]


def _suspect(case: Case, why: tuple[str, str], free_bytes: int, share: float, free_heap: Evidence) -> Suspect:
    reasons = (Reason(why[0], 0.3 + 0.6 * share), Reason(why[1], 0.5))
    bar = case.thresholds.idle_share
    part = Evidence("its part of what Go holds", share, bar, free_heap.source, "share")
    return Suspect(
        Verdict.IDLE_NOT_RETURNED, combine(reasons), reasons, free_bytes, evidence=(free_heap, part), fix=FIX
    )


def find_idle_not_returned(case: Case) -> list[Suspect]:
    """Return the idle heap that was not given back, where it is most of what Go holds and nothing grows."""
    seen = accounts(case)
    if not seen and case.exact is not None:
        return _counted(case, case.exact)
    if not seen or not case.growth_known or case.may_be_growing():
        return []
    bars, first = case.thresholds, seen[0]
    share = first.beyond_goal / max(1, first.held_by_go)
    if first.beyond_goal < bars.large_bytes or share < bars.idle_share:
        return []
    why = (
        f"{share:.0%} of what Go holds from the system is free heap that no GC cycle needs",
        "the live heap does not grow",
    )
    free = first.beyond_goal
    free_heap = Evidence("free heap beyond the next goal", free, bars.large_bytes, _SOURCE, "bytes")
    return [_suspect(case, why, free, share, free_heap)]
