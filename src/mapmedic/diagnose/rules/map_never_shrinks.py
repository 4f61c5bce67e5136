"""map_never_shrinks: a map that was emptied and keeps its buckets.

What it measures: arrays that are large, steady and nearly without contents, though contents were once
allocated there: they have gone, the buckets have not. Of a process that was looked at from outside the dead
bytes of each map are known: what a rebuild for today's entries would not allocate.
Why it is bad: delete and clear keep the bucket arrays in every Go version; a map stays as large as it ever was.
Mend it: put a fresh map in its place when it has been emptied (m = make(map[K]V)), under its lock.
"""

from __future__ import annotations

from dataclasses import replace

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.diagnose.counted_suspect import counted_suspect
from mapmedic.diagnose.exact import SOURCE, Exact
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory_change import OwnerChange, OwnerFigures
from mapmedic.model.units import MIB

FIX = Fix(
    strategy="shrink",
    command=None,
    patch_hint=(
        "After emptying it, replace the map under its lock: m = make(map[K]V). delete and clear(m) keep the buckets "
        "for entries that may never come again."
    ),
)
_SOURCE = "heap?debug=1, runtime frames restored"


def keeps_empty_buckets(case: Case, container: Container) -> bool:
    """Tell whether the arrays of ``container`` have outlived what was in them."""
    if case.history is None or container.kind is not ContainerKind.MAP:
        return False
    heap, bars = case.history.heap, case.thresholds
    arrays = float(heap.inuse_bytes[container.arrays].sum())
    held = float(heap.inuse_bytes[container.contents].sum())
    made = float(heap.alloc_bytes[container.contents].sum())
    return (
        arrays >= bars.emptied_bytes
        and not case.may_be_growing(container.arrays)  # what is filling up was not emptied
        and held <= bars.emptied_contents * arrays
        and made >= bars.emptied_made * arrays
    )


def _doubts(case: Case, container: Container, arrays: int) -> tuple[Reason, ...]:
    """Return the doubt that what was "put into it" is what each request makes and drops beside a full map."""
    if case.history is None or not case.growth_known:
        return ()
    growth = case.history.growth(container.contents)
    rate = growth.bytes_made / growth.seconds
    if rate < case.thresholds.emptied_traffic * arrays:
        return ()
    passing = f"{rate / MIB:.1f} MiB/s are allocated beside it and dropped at once"
    return (Reason(f"{passing}: its entries may lie in the buckets, and it be full", -0.5),)


def find_maps_that_never_shrink(case: Case) -> list[Suspect]:
    """Return every map that was emptied and is as large as ever."""
    sampled = [_suspect(case, each) for each in case.containers if keeps_empty_buckets(case, each)]
    return [*sampled, *_counted(case)]


def _counted(case: Case) -> list[Suspect]:
    """Return each owner whose maps keep room for entries that they no longer have, as the inventory has it."""
    if case.exact is None:
        return []
    found = [(row, row.after) for row in case.exact.owners if row.after is not None]
    return [_mostly_dead(case, case.exact, row, now) for row, now in found if is_mostly_dead(case, row, now)]


def is_mostly_dead(case: Case, row: OwnerChange, now: OwnerFigures) -> bool:
    """Tell whether ``row`` was emptied and keeps its buckets."""
    bars, dead = case.thresholds, now.dead_bytes or 0
    is_filling = row.entries > bars.steady_change * (now.capacity or 0)
    return dead >= bars.emptied_bytes and dead >= bars.dead_share * now.shallow_bytes and not is_filling


def _mostly_dead(case: Case, exact: Exact, row: OwnerChange, now: OwnerFigures) -> Suspect:
    dead = now.dead_bytes or 0
    share = dead / max(1, now.shallow_bytes)
    reasons = [Reason(f"{share:.0%} of its own memory is room for entries that it no longer has", 0.8)]
    if exact.seconds is not None:
        reasons.append(Reason(f"{exact.seconds:.0f} s earlier it was so, too", 0.3))
    evidence = (
        Evidence("dead memory in the map", dead, case.thresholds.emptied_bytes, SOURCE, "bytes"),
        Evidence("its part of the map's own memory", share, case.thresholds.dead_share, SOURCE, "share"),
    )
    found = counted_suspect(Verdict.MAP_NEVER_SHRINKS, row, tuple(reasons), evidence, FIX)
    return replace(found, bytes=now.shallow_bytes)


def _suspect(case: Case, container: Container) -> Suspect:
    assert case.history is not None  # noqa: S101 - keeps_empty_buckets said no otherwise
    heap, bars = case.history.heap, case.thresholds
    arrays = int(heap.inuse_bytes[container.arrays].sum())
    held = int(heap.inuse_bytes[container.contents].sum())
    made = int(heap.alloc_bytes[container.contents].sum())
    share = arrays / max(1.0, heap.total_inuse_bytes)
    reasons = (
        Reason(f"of {made / 2**20:.0f} MiB put into it in its life, {held / 2**20:.0f} MiB are left", 0.6),
        Reason(f"its buckets are {share:.0%} of the live heap", 0.3 + 0.3 * share),
        *_doubts(case, container, arrays),
    )
    return Suspect(
        code=Verdict.MAP_NEVER_SHRINKS,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=arrays,
        site=container.site,
        kind=container.kind,
        evidence=(
            Evidence("memory of the map's own arrays", arrays, bars.emptied_bytes, _SOURCE, "bytes"),
            Evidence(
                "contents left, against the arrays", held / arrays, bars.emptied_contents, _SOURCE, "share"
            ),
            Evidence("contents ever, against the arrays", made / arrays, bars.emptied_made, _SOURCE, "share"),
        ),
        stack=tuple(frame.function for frame in reversed(container.stack)),
        fix=FIX,
    )
