"""Whether emptying a map from outside gave its memory back: which bars, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mapmedic.model.field_wish import FieldCount
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import Check, Proof
from mapmedic.model.units import MIB
from mapmedic.remedy.gc_checks import growth_check, live_slope
from mapmedic.remedy.proof import Criteria, entries_check, prove

# The guide's bar, asked of what the map held.
_OF_WHAT_IT_HELD = 0.4
_UNCOLLECTED = (
    "no collection has ended since the map was emptied, and before one nothing comes back: a program in which nothing "
    "happens begins one when it wakes, or two minutes after the last"
)
# What a service's memory moves by with nothing done to it.
_LEAST_BYTES, _LEAST_SHARE = 8 * MIB, 0.05


def criteria_outside(
    plan: OutsidePlan, before: MemoryPoint, drop: float | None, within_seconds: float
) -> Criteria:
    """Return the bars: ``drop`` of RSS and heap, by default 40 % of what the map held of them."""

    def bar(of_bytes: int | None) -> float:
        if drop is not None:
            return drop
        return _OF_WHAT_IT_HELD * min(1.0, plan.held_bytes / of_bytes) if of_bytes else _OF_WHAT_IT_HELD

    return Criteria(bar(before.rss_bytes), bar(before.heap_alloc_bytes), within_seconds=within_seconds)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How it stood after the act: of ``meant`` entries ``left`` were in the map a moment later, None: nobody counted.

    ``undone`` says why not all of it was done, "" where it was. ``runs_on``: the process had not ended by the end.
    ``unmended`` says what of the process is not what it was before the fix, "" where nothing is. ``fields``: of
    the maps of a struct the same of each.
    """

    meant: int
    left: int | None
    undone: str = ""
    runs_on: bool = True
    unmended: str = ""
    fields: tuple[FieldCount, ...] = ()


def prove_outside(
    plan: OutsidePlan,
    before: MemoryPoint,
    timeline: Sequence[MemoryPoint],
    aftermath: Aftermath,
    criteria: Criteria,
) -> Proof:
    """Return the proof from the memory ``before`` the act and since, and from what else is known of it."""
    meant, left = aftermath.meant, aftermath.left
    counted = entries_check(meant, left, criteria) if meant and left is not None else None
    growth = growth_check(None, live_slope(list(timeline)), decides=False, full_bytes=plan.held_bytes)
    more = [
        *_field_checks(aftermath, criteria),
        *_failures(aftermath),
        _runs_check(runs_on=aftermath.runs_on),
        growth,
    ]
    proof = prove(before, timeline, counted, criteria, more)
    is_uncollected = bool(timeline) and before.num_gc is not None and timeline[-1].num_gc == before.num_gc
    checks = tuple(_weighed(each, plan, before, is_uncollected=is_uncollected) for each in proof.checks)
    failed = {each.name for each in checks if each.decides and not each.passed}
    return Proof(not failed, checks, proof.next_steps if failed else ())


def _field_checks(aftermath: Aftermath, criteria: Criteria) -> Iterator[Check]:
    """Yield of each map of a struct whether its entries went; of one alone that is said already."""
    for each in aftermath.fields if len(aftermath.fields) > 1 else ():
        if each.meant and each.left is not None:
            check = entries_check(each.meant, each.left, criteria)
            yield replace(check, name=f"{check.name}.{each.name}")


def _failures(aftermath: Aftermath) -> Iterator[Check]:
    """Yield what went wrong beside the memory; each decides."""
    if aftermath.undone:
        meant, left = aftermath.meant, aftermath.left
        yield Check("whole", meant, left, None, 0, False, aftermath.undone, "entries")
    if aftermath.unmended:
        yield Check("collector_restored", None, None, None, None, False, aftermath.unmended)


def _runs_check(*, runs_on: bool) -> Check:
    why = "it goes on" if runs_on else "the process has ended since"
    return Check("process_runs", None, None, None, None, runs_on, why)


def _weighed(check: Check, plan: OutsidePlan, before: MemoryPoint, *, is_uncollected: bool) -> Check:
    """Return ``check``, only told where the map held too little for it to show anything, or nobody could measure it."""
    if check.name not in ("rss_bytes", "heap_alloc_bytes") or check.passed:
        return check
    if is_uncollected:
        return replace(check, why=_UNCOLLECTED)
    total = before.rss_bytes if check.name == "rss_bytes" else before.heap_alloc_bytes
    if total is None:
        return replace(check, decides=False)
    if plan.held_bytes < max(_LEAST_BYTES, _LEAST_SHARE * total):
        why = f"the map held {plan.held_bytes:,} bytes, too little for this to show it"
        return replace(check, decides=False, why=why)
    return check
