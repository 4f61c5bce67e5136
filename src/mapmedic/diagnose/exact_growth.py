"""A map or slice whose entries were counted twice and are more now: behind an exact map_leak or slice_growth."""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.counted_suspect import counted_suspect
from mapmedic.diagnose.exact import (
    SOURCE,
    Exact,
    grows_by_entries,
    kind_of,
    may_be_another,
    share_gained,
)
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory_change import OwnerChange

MAPS = frozenset({ContainerKind.MAP, ContainerKind.SYNC_MAP})
SLICES = frozenset({ContainerKind.SLICE})


def counted_growth(case: Case, code: Verdict, fix: Fix, kinds: frozenset[ContainerKind]) -> list[Suspect]:
    """Return a suspect for each owner whose ``kinds`` gained entries, and bytes with them, between two counts."""
    exact = case.exact
    if exact is None or exact.seconds is None:
        return []
    bar = case.thresholds.growth_bytes
    growing = [
        row
        for row in (*exact.owners, *exact.holders)
        if kind_of(row) in kinds and _was_seen(row) and row.bytes >= bar and grows_by_entries(row)
    ]
    return [_suspect(case, exact, row, exact.seconds, code, fix) for row in growing]


def _was_seen(row: OwnerChange) -> bool:
    """Tell whether what ``row`` had is known: a slice is listed only once it is large, a map always is."""
    return row.before is not None or kind_of(row) in MAPS


def _suspect(case: Case, exact: Exact, row: OwnerChange, seconds: float, code: Verdict, fix: Fix) -> Suspect:
    reasons = _reasons(case, exact, row, seconds)
    evidence = growth_as_evidence(case, exact, row, seconds)
    return counted_suspect(code, row, reasons, evidence, fix, seconds=seconds)


def growth_as_evidence(case: Case, exact: Exact, row: OwnerChange, seconds: float) -> tuple[Evidence, ...]:
    """Return what ``row`` gained between two counts ``seconds`` apart."""
    part = part_of_growth(exact, row)
    return (
        Evidence(f"growth over {seconds:.1f} s", row.bytes, case.thresholds.growth_bytes, SOURCE, "bytes"),
        Evidence(f"entries gained in {seconds:.1f} s", row.entries, None, SOURCE, "entries"),
        *(
            ()
            if part is None
            else (Evidence("its part of the live heap's growth", part, None, SOURCE, "share"),)
        ),
    )


def part_of_growth(exact: Exact, row: OwnerChange) -> float | None:
    """Return the growth of ``row`` as a part of the live heap's; None where that did not grow."""
    total = exact.change.heap_bytes
    return min(1.0, row.bytes / total) if total > 0 else None


def _reasons(case: Case, exact: Exact, row: OwnerChange, seconds: float) -> tuple[Reason, ...]:
    bars, gained, part = case.thresholds, share_gained(row), part_of_growth(exact, row)
    reasons = [Reason(f"it gained {row.entries:,} entries in {seconds:.0f} s, counted in the process", 0.6)]
    if part is not None and part >= 0.5:
        reasons.append(Reason(f"it accounts for {part:.0%} of the live heap's growth", 0.4 * part))
    if gained < bars.steady_change:
        reasons.append(Reason(f"that is {gained:.1%} of what it had: a longer look is due", -0.5))
    elif gained < bars.heap_change:
        reasons.append(Reason(f"that is {gained:.0%} of what it had: a busy cache moves so, too", -0.4))
    if may_be_another(exact, row):
        reasons.append(
            Reason("it was made anew in between: it may only be fuller than the last one was", -0.4)
        )
    if seconds < bars.short_window_seconds:
        reasons.append(
            Reason(f"a window of {seconds:.0f} s cannot tell a leak from a cache still filling", -0.05)
        )
    return tuple(reasons)
