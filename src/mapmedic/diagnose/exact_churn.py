"""A map that is made anew again and again, by count: behind map_churn of a process that was looked into.

The runtime counts what it allocates and how often it collects. What it went into is told by the garbage that lies
there at each look: arrays whose own table or header, which nothing leads to either, says that they were a map's.
"""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.counted_suspect import counted_suspect
from mapmedic.diagnose.exact import SOURCE, Exact
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.inventory_change import OwnerChange

_COUNTERS, _GARBAGE = "the runtime's own counters, in its memory", "garbage in the heap, counted"
# With fewer collections in between, the garbage of both looks may be of one making of the map.
_FEWEST_COLLECTIONS = 2
# A classic map's header leads to its last array only: nothing says whose the ones were that it outgrew.
_PARTLY_TOLD = "classic"


def counted_churn(case: Case, fix: Fix) -> list[Suspect]:
    """Return a suspect for each type of map whose arrays are a large part of a garbage that comes fast."""
    exact = case.exact
    if exact is None or not exact.seconds:
        return []
    rate, kept = allocation_rate(exact), _kept_share(exact)
    bars = case.thresholds
    if rate is None or kept is None or rate < bars.churn_bytes_per_second or kept > bars.churn_kept:
        return []
    found = []
    for type_ in _types_in_garbage(exact):
        row, shares = _made_anew(exact, type_), _shares(exact, type_)
        if row is None:
            continue
        share = sum(shares) / len(shares) if row.design == _PARTLY_TOLD else min(shares)
        if share >= bars.churn_share and rate * share >= bars.churn_bytes_per_second:
            found.append(_suspect(case, exact, row, (rate, share, kept), _doubts(case, shares), fix))
    return found


def allocation_rate(exact: Exact) -> float | None:
    """Return the bytes per second that were allocated between both looks; None where too few collections tell it."""
    before, after = exact.change.before.counters, exact.inventory.counters
    if before is None or after is None or not exact.seconds:
        return None
    if after.collections - before.collections < _FEWEST_COLLECTIONS:
        return None
    return (after.allocated_bytes - before.allocated_bytes) / exact.seconds


def _kept_share(exact: Exact) -> float | None:
    """Return what the live heap gained, as a part of what was allocated; None where that is not known."""
    rate = allocation_rate(exact)
    return max(0.0, exact.change.heap_bytes / (rate * exact.seconds)) if rate and exact.seconds else None


def _types_in_garbage(exact: Exact) -> tuple[str, ...]:
    looks = (exact.change.before.garbage, exact.inventory.garbage)
    return tuple(dict.fromkeys(each.type for garbage in looks if garbage for each in garbage.map_arrays))


def _shares(exact: Exact, type_: str) -> tuple[float, ...]:
    """Return the part of all garbage that once were arrays of maps like ``type_``, at each look."""
    shares = []
    for garbage in (exact.change.before.garbage, exact.inventory.garbage):
        arrays = [each.bytes for each in garbage.map_arrays if each.type == type_] if garbage else []
        shares.append(sum(arrays) / garbage.bytes if garbage and garbage.bytes > 0 else 0.0)
    return tuple(shares)


def _doubts(case: Case, shares: tuple[float, ...]) -> tuple[Reason, ...]:
    if min(shares) >= case.thresholds.churn_share:
        return ()
    return (
        Reason("at one of both looks there was little of it: it may have been made anew just once", -0.5),
    )


def _made_anew(exact: Exact, type_: str) -> OwnerChange | None:
    """Return who has the map of that type that is not the one of the first look; who has a name comes first."""
    rows = [
        row
        for row in exact.owners
        if row.type == type_ and (row.is_rebuilt or row.before is None or row.after is None)
    ]
    return max(
        rows, key=lambda row: (row.is_rebuilt, row.path is not None, row.after is not None), default=None
    )


def _suspect(
    case: Case,
    exact: Exact,
    row: OwnerChange,
    figures: tuple[float, float, float],
    doubts: tuple[Reason, ...],
    fix: Fix,
) -> Suspect:
    rate, share, kept = figures
    bars, collections = case.thresholds, _collections(exact)
    reasons = (
        Reason(f"of the garbage at both looks {share:.0%} once were arrays of such maps", 0.4 + 0.4 * share),
        Reason(
            f"{rate * (exact.seconds or 0) / (1 << 20):,.0f} MiB were allocated and collected {collections:,} times "
            f"in {exact.seconds:.0f} s; {kept:.0%} of it is kept", 0.4,
        ),
        *doubts,
    )  # fmt: skip
    evidence = (
        Evidence("allocated by the process", rate, bars.churn_bytes_per_second, _COUNTERS, "bytes/s"),
        Evidence("of the garbage, arrays of such maps", share, bars.churn_share, _GARBAGE, "share"),
        Evidence("of what was allocated, still held", kept, bars.churn_kept, SOURCE, "share"),
        Evidence("collections between both looks", collections, None, _COUNTERS, "collections"),
    )
    return counted_suspect(Verdict.MAP_CHURN, row, reasons, evidence, fix)


def _collections(exact: Exact) -> int:
    before, after = exact.change.before.counters, exact.inventory.counters
    return after.collections - before.collections if before and after else 0
