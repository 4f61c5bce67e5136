"""gc_lag: the heap is mostly garbage that waits for a GC which is set to come late.

What it measures: the size at which the next GC starts (NextGC) against what is live, GC roots counted in:
by default (GOGC=100) it is twice the live heap; here it is many times that.
Why it is said: RSS follows the goal, not what is live, and looks like a leak. It is a setting.
Mend it: a lower GOGC, or GOGC as it is and a GOMEMLIMIT, which makes the GC come earlier near the limit.
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
        "Lower GOGC, or keep it and set GOMEMLIMIT a little below the container's limit: the GC then comes "
        "earlier when memory runs short, and late when there is plenty. With a GOMEMLIMIT already set this is how "
        "it is meant to be: nothing is wrong."
    ),
)
_SOURCE = "MemStats.NextGC against the live heap"
# NextGC is 2^64 - 1 with GOGC=off and no memory limit (src/runtime/mgcpacer.go): no goal at all.
_NO_GOAL = 2**62
_COUNTED = "objects in the heap that nothing leads to"


def _counted(case: Case, exact: Exact) -> list[Suspect]:
    """Return the garbage of a process where there is more than GOGC=100 would ever let pile up."""
    looks, bars = exact.accounts, case.thresholds
    if looks is None or exact.change.heap_bytes >= bars.growth_bytes:
        return []
    most = max(looks, key=lambda each: each.dead_bytes)
    live = max(1, most.live_bytes + most.stack_bytes)
    percent = 100 * most.dead_bytes / live
    if most.dead_bytes < bars.large_bytes or percent < bars.late_gogc:
        return []
    why = f"there was {percent / 100:.0f} times as much garbage as live heap, and no GC had come"
    evidence = (
        Evidence("garbage that has piled up", most.dead_bytes, bars.large_bytes, _COUNTED, "bytes"),
        Evidence("GOGC is at least", round(percent), bars.late_gogc, _COUNTED, "percent"),
        Evidence("live heap", most.live_bytes, None, _COUNTED, "bytes"),
    )
    return [_suspect(why, most.dead_bytes, evidence)]


def _suspect(why: str, garbage_bytes: int, evidence: tuple[Evidence, ...]) -> Suspect:
    reasons = (Reason(why, 0.7), Reason("the live heap does not grow", 0.5))
    return Suspect(Verdict.GC_LAG, combine(reasons), reasons, bytes=garbage_bytes, evidence=evidence, fix=FIX)


def find_gc_lag(case: Case) -> list[Suspect]:
    """Return the distance to the next GC, where it is set far beyond the usual and nothing grows."""
    seen = accounts(case)
    if not seen and case.exact is not None:
        return _counted(case, case.exact)
    if not seen or case.history is None or not case.growth_known or case.may_be_growing():
        return []
    bars, last, live = case.thresholds, seen[-1], case.history.heap.total_inuse_bytes
    if live <= 0:  # nothing was sampled (MemProfileRate): what lives is not known
        return []
    off = last.goal >= _NO_GOAL
    waiting = int((seen[0].held_by_go if off else last.goal) - live)
    # NextGC = live + (live + stacks + globals) x GOGC / 100 (src/runtime/mgcpacer.go).
    gogc = 100 * waiting / max(1.0, live + last.stacks)
    if waiting < bars.large_bytes or (gogc < bars.late_gogc and not off):
        return []
    why = (
        "no GC starts by itself (GOGC=off and no memory limit)"
        if off
        else f"the next GC starts at {last.goal / live:.0f} times the live heap (GOGC is about {gogc:.0f})"
    )
    piled = "garbage that has piled up" if off else "garbage that may pile up before the next GC"
    shown = "off" if off else round(gogc)
    evidence = (
        Evidence(piled, waiting, bars.large_bytes, _SOURCE, "bytes"),
        Evidence("GOGC, as the goal shows it", shown, bars.late_gogc, _SOURCE, "percent"),
        Evidence("live heap", int(live), None, "heap?debug=1", "bytes"),
    )
    return [_suspect(why, waiting, evidence)]
