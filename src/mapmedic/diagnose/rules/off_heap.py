"""off_heap: memory of the process that Go did not allocate.

What it measures: RSS against all that the Go runtime holds from the system (MemStats.Sys less HeapReleased).
The rest belongs to mmap, C libraries or the binary's own pages, and no Go profile shows it. What Go has returned
may still be counted too, where the kernel keeps it (huge pages, GODEBUG=madvdontneed=0): then that is a doubt.
Why it is bad: one looks for a leak in the heap that is not there, and no GC setting helps.
Mend it: unmap what is mapped, free what C allocated; count both in a metric of their own.
"""

from __future__ import annotations

from mapmedic.diagnose.accounts import accounts
from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.units import MIB

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "Look at what maps or allocates outside Go: syscall.Mmap without Munmap, C.malloc without C.free, a C "
        "library's own cache. /proc/PID/smaps shows the mappings by size; pages of a mapped file (a database) are "
        "cache that the kernel takes back by itself."
    ),
)
_SOURCE = "process_resident_memory_bytes against MemStats.Sys - HeapReleased"


_COUNTED = "resident pages by what is mapped there"


def _counted(case: Case) -> list[Suspect]:
    """Return the memory outside of Go by the account that adds up to RSS, where there is one."""
    looks = case.exact.accounts if case.exact is not None else None
    if case.exact is None or looks is None:
        return []
    bars, first, last = case.thresholds, looks[0].off_heap_bytes, looks[1].off_heap_bytes
    share = last / max(1, looks[1].rss_bytes)
    if last < bars.large_bytes or share < bars.outside_share:
        return []
    reasons = (
        Reason(f"{share:.0%} of the resident memory is in mappings that are not Go's", 0.4 + 0.5 * share),
    )
    seconds = case.exact.seconds
    return [
        Suspect(
            code=Verdict.OFF_HEAP,
            confidence=combine(reasons),
            reasons=reasons,
            bytes=last,
            growth_bytes_per_second=(last - first) / seconds if seconds else None,
            evidence=(
                Evidence("resident memory off the Go heap", last, bars.large_bytes, _COUNTED, "bytes"),
                Evidence("its part of the resident memory", share, bars.outside_share, _COUNTED, "share"),
                Evidence("gained in the window", last - first, None, _COUNTED, "bytes"),
            ),
            fix=FIX,
        )
    ]


def find_off_heap(case: Case) -> list[Suspect]:
    """Return the memory that Go does not account for, where it is a large part of the process."""
    counted = _counted(case)
    if counted:
        return counted
    seen = accounts(case)
    known = [(each.rss, each.outside_go) for each in seen if each.rss and each.outside_go is not None]
    if not known:
        return []
    bars = case.thresholds
    rss, outside = known[-1]
    share = outside / rss
    if outside < bars.large_bytes or share < bars.outside_share:
        return []
    always = all(part >= bars.large_bytes and part >= bars.outside_share * whole for whole, part in known)
    reasons = [Reason(f"{share:.0%} of the resident memory is not the Go runtime's", 0.4 + 0.5 * share)]
    if len(known) > 1 and always:
        reasons.append(Reason(f"it was so at each of {len(known)} captures", 0.3))
    if outside <= seen[-1].released:
        released = f"Go has returned {seen[-1].released / MIB:.0f} MiB, which the kernel may count still"
        reasons.append(Reason(f"{released} (huge pages, GODEBUG=madvdontneed=0)", -0.5))
    seconds = case.observation.seconds if len(known) > 1 else 0.0
    gained = outside - known[0][1]
    return [
        Suspect(
            code=Verdict.OFF_HEAP,
            confidence=combine(reasons),
            reasons=tuple(reasons),
            bytes=outside,
            growth_bytes_per_second=gained / seconds if seconds else None,
            evidence=(
                Evidence(
                    "resident memory that Go does not account for",
                    outside,
                    bars.large_bytes,
                    _SOURCE,
                    "bytes",
                ),
                Evidence("its part of the resident memory", share, bars.outside_share, _SOURCE, "share"),
                Evidence("gained in the window", gained, None, _SOURCE, "bytes"),
            ),
            fix=FIX,
        )
    ]
