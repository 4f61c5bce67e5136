"""Compare two looks: what grew, by owner or by site."""

from __future__ import annotations

from collections.abc import Callable

from mapmedic.capture.looks import two_looks
from mapmedic.capture.merge import merge_observations
from mapmedic.capture.observe import observe_file
from mapmedic.capture.targets import parse_target
from mapmedic.diagnose.inventory_change import compare_inventories
from mapmedic.diagnose.site_change import compare_profiles
from mapmedic.errors import UsageError
from mapmedic.model.comparison import ComparedBy, Comparison
from mapmedic.model.inventory import Limits


def diff(
    before: str,
    after: str | None = None,
    *,
    by_declared: bool = False,
    seconds: float = 30.0,
    limits: Limits | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Return what grew from ``before`` to ``after``: inventories by owner, heap profiles by site.

    Without ``after`` a process is looked into twice, ``seconds`` apart, and of a session its first and its last
    inventory are compared. UsageError where the two are of kinds that cannot be compared.
    """
    looked = two_looks(before, after, seconds, limits, progress)
    if looked is None:
        return _diff_sites(before, after or before)
    change = compare_inventories(*looked, by_declared=by_declared)
    return Comparison(
        before,
        after or before,
        ComparedBy.DECLARED if by_declared else ComparedBy.OWNER,
        change.all_rows,
        (change.before.snapshot.heap_bytes, change.after.snapshot.heap_bytes),
        change.seconds,
        change.doubts,
    )


def _diff_sites(before: str, after: str) -> Comparison:
    observations = [observe_file(path) for path in (parse_target(t).path for t in (before, after)) if path]
    merge_observations(observations)  # refuses those of two programs
    comparison = compare_profiles(*observations) if len(observations) == 2 else None
    if comparison is None:
        raise UsageError(f"{before} and {after} hold neither two inventories nor two heap profiles")
    return comparison
