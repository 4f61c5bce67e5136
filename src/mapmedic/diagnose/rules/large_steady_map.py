"""large_steady_map: a map that holds a large part of the heap and does not grow.

What it measures: the bytes of a map and of what it holds, its share of the live heap, and that its growth
over the window is small: by two heap profiles where a GC lay between them, else by the exact number of
bytes the process allocated at all, or by two counts of the map itself.
Why it is said: it is no leak, and clearing it would only make the service slow; but it is the first place
to look when the memory limit has to come down.
Mend it, if it must be smaller: fewer or smaller values, keys shared or numeric, data outside the heap.
"""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.diagnose.counted_suspect import counted_suspect
from mapmedic.diagnose.exact import SOURCE, Exact
from mapmedic.diagnose.rules.map_never_shrinks import is_mostly_dead, keeps_empty_buckets
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory_change import NOTHING, OwnerChange

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "This map does not grow; it needs no emergency. To make it smaller: store less per entry, share or "
        "shorten keys, or bound it. Clearing it only moves the load to whatever fills it again."
    ),
)


def find_large_steady_maps(case: Case) -> list[Suspect]:
    """Return every map that is large, holds much of the heap and is known not to grow."""
    sampled = [
        suspect
        for container in case.containers
        if container.kind in (ContainerKind.MAP, ContainerKind.SYNC_MAP)
        and not keeps_empty_buckets(case, container)
        if (suspect := _examine(case, container)) is not None
    ]
    return [*sampled, *_counted(case)]


def _counted(case: Case) -> list[Suspect]:
    """Return each owner whose maps are large and were counted twice with the same result."""
    exact, bars = case.exact, case.thresholds
    if exact is None or exact.seconds is None:
        return []
    found = []
    for row in exact.owners:
        now = row.after or NOTHING
        share = now.bytes / max(1, exact.heap_bytes)
        change = max(abs(row.bytes) / max(1, now.bytes), abs(row.entries) / max(1, now.entries))
        is_large = now.bytes >= bars.large_bytes and share >= bars.large_share
        if is_large and change <= bars.steady_change and not is_mostly_dead(case, row, now):
            found.append(_steady(case, exact, row, min(1.0, share), change))
    return found


def _steady(case: Case, exact: Exact, row: OwnerChange, share: float, change: float) -> Suspect:
    bars, now = case.thresholds, row.after or NOTHING
    reasons = (
        Reason(f"it holds {share:.0%} of the live heap", 0.6 * share + 0.2),
        Reason(f"over the window it changed by {change:.1%}, counted in the process", 0.6),
    )
    evidence = (
        Evidence("memory of the map with what it holds", now.bytes, bars.large_bytes, SOURCE, "bytes"),
        Evidence("its part of the live heap", share, bars.large_share, SOURCE, "share"),
        Evidence("largest change in the window", change, bars.steady_change, SOURCE, "share"),
    )
    return counted_suspect(Verdict.LARGE_STEADY_MAP, row, reasons, evidence, FIX, seconds=exact.seconds)


def _examine(case: Case, container: Container) -> Suspect | None:
    bars = case.thresholds
    held, share = case.held_bytes(container), case.share_of_heap(container)
    change = _change(case, container, held)
    if held < bars.large_bytes or share < bars.large_share or change is None:
        return None
    most, source = change
    if most > bars.steady_change:
        return None
    reasons = (
        Reason(f"it holds {share:.0%} of the live heap", 0.6 * share + 0.2),
        Reason(f"over the window it changed by at most {most:.1%}", 0.6),
    )
    return Suspect(
        code=Verdict.LARGE_STEADY_MAP,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=held,
        site=container.site,
        kind=container.kind,
        growth_bytes_per_second=_rate(case, container),
        evidence=(
            Evidence("memory of the map with what it holds", held, bars.large_bytes,
                     "heap?debug=1, runtime frames restored", "bytes"),
            Evidence("its part of the live heap", share, bars.large_share, "heap?debug=1", "share"),
            Evidence("largest change in the window", most, bars.steady_change, source, "share"),
        ),
        stack=tuple(frame.function for frame in reversed(container.stack)),
        fix=FIX,
    )  # fmt: skip


def _change(case: Case, container: Container, held: int) -> tuple[float, str] | None:
    """Return the most the container can have changed by, relative to what it holds, and who says so."""
    bounds: list[tuple[float, str]] = []
    if case.history is not None and case.growth_known and held:
        growth = case.history.growth(container.records)
        most = (abs(growth.bytes) + 2 * growth.uncertainty_bytes) / held
        bounds.append((most, "difference of heap profiles between completed GCs"))
    allocated = case.allocation_bound
    if allocated is not None and held:
        bounds.append((allocated / held, "TotalAlloc: all the process allocated in the window"))
    return min(bounds) if bounds else None


def _rate(case: Case, container: Container) -> float | None:
    if case.history is None or not case.growth_known:
        return None
    return case.history.growth(container.records).bytes_per_second
