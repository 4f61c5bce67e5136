"""What the inventories of a process leave open: one look only, growth outside of every map, owners nobody accused."""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.commands import live_words
from mapmedic.diagnose.counted_suspect import counted_suspect
from mapmedic.diagnose.exact import SOURCE, Exact
from mapmedic.model.findings import Blank, Evidence, Suspect, Verdict
from mapmedic.model.inventory_change import NOTHING, OwnerChange
from mapmedic.model.units import MIB

# A container smaller than this is not worth naming while nothing is known about it.
WORTH_NAMING_SHARE = 0.1
MOST_NAMED = 5
# By default (GOGC=100) a heap grows to twice what is live before it is collected.
_USUAL = 2


def again(case: Case, seconds: float = 30.0) -> str:
    """Return the command for another look: at the target, where it is alive and not a file."""
    return f"mapmedic diagnose {live_words(case.observation.target)} --for {seconds:.0f}s"


def missing_from_outside(case: Case, exact: Exact) -> tuple[Blank, ...]:
    """Return what a verdict by count would need and does not have, as (what to do next, why)."""
    if exact.seconds is not None:
        return ()
    return (Blank(again(case), "a single look shows what is held, not whether it grows"),)


def counted_growth(case: Case, exact: Exact, seconds: float, known: list[Suspect]) -> str | None:
    """Return a sentence on growth of the live heap that no owner and none of ``known`` explains, None without it."""
    bars, gained = case.thresholds, exact.change.heap_bytes
    anew = {(each.owner, each.type) for each in known if each.code is Verdict.MAP_CHURN}
    # A map made anew again and again was filled less far at the first look: that is no growth.
    gained -= sum(max(0, row.bytes) for row in exact.owners if (row.owner, row.type) in anew)
    if gained < max(bars.growth_bytes, bars.steady_change * exact.heap_bytes):
        return _outside_of_the_heap(case, exact)
    grew = f"the live heap grew by {gained / MIB:.1f} MiB in {seconds:.0f} s, counted in the process"
    others = (row for row in (*exact.owners, *exact.holders) if (row.owner, row.type) not in anew)
    values = max(others, key=lambda row: row.bytes, default=None)
    if values is not None and values.before is not None and values.bytes >= bars.retained_share * gained:
        return f"{grew}, most of it held by {_as_what_it_is(values)}"
    return f"{grew}, but in no map and no slice, and at no goroutine that could be told apart"


_WORDS = {"list": "linked list", "pool": "stock of the sync.Pool"}


def _as_what_it_is(row: OwnerChange) -> str:
    match row.kind:
        case "channel":
            words = f"of {(row.after or NOTHING).entries:,} elements: what receives from it lags behind what sends"
            return f"the channel {row.owner} {words}"
        case "object":
            return f"what is below the object {row.owner}, in no single map or slice"
        case "array" | "string" | "list" | "pool":
            return f"the {_WORDS.get(row.kind, row.kind)} {row.owner}, which is no map"
        case "slice" if not (row.after or NOTHING).entries:
            return f"the slice {row.owner}, whose length is not known"
        case "slice":
            return f"the slice {row.owner}, whose elements do not make up for it: what is in them grows"
    return f"{row.owner}, whose entries do not make up for it: its values grow"


def large_owners(case: Case, exact: Exact, known: list[Suspect]) -> list[Suspect]:
    """Return the owners that hold much of the heap and are not in ``known``."""
    named = {(suspect.owner, suspect.type) for suspect in known}
    least = WORTH_NAMING_SHARE * exact.heap_bytes
    large = [
        row for row in (*exact.owners, *exact.holders) if row.after is not None and row.after.bytes >= least
    ]
    large.sort(key=lambda row: -(row.after.bytes if row.after else 0))
    return [_owner(exact, row) for row in large[:MOST_NAMED] if (row.owner, row.type) not in named]


def _owner(exact: Exact, row: OwnerChange) -> Suspect:
    now = row.after or NOTHING
    share = Evidence("its part of the live heap", now.bytes / max(1, exact.heap_bytes), None, SOURCE, "share")
    return counted_suspect(Verdict.UNDETERMINED, row, (), (share,), seconds=exact.seconds)


def _outside_of_the_heap(case: Case, exact: Exact) -> str | None:
    """Return a sentence on resident memory that is not the live heap's, None where it is about what is usual."""
    seen = [point.rss_bytes for point in case.observation.timeline if point.rss_bytes is not None]
    if not seen or case.history is not None:
        return None
    bars, live = case.thresholds, exact.heap_bytes + (exact.inventory.stack_bytes or 0)
    more, beyond = seen[-1] - seen[0] - max(0, exact.change.heap_bytes), seen[-1] - _USUAL * live
    of_what = "garbage that waits for a GC, free memory, or memory outside of the Go heap"
    if more >= max(bars.outside_growth_bytes, bars.heap_change * seen[-1]):
        return f"the resident memory grew by {more / MIB:.1f} MiB more than the live heap: {of_what}"
    if beyond >= bars.large_bytes:
        return f"of {seen[-1] / MIB:.0f} MiB resident {live / MIB:.0f} MiB are live; the rest is {of_what}"
    return None
