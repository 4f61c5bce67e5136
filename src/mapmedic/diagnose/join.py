"""Put what a profile says (who allocates) beside what the inventory says (who holds, how many, how large).

They are of the same map where the source declares it so, else where one owner's count alone fits the profile.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.exact import Exact, figures_as_evidence, kind_of
from mapmedic.diagnose.owners import container_of, count_fits
from mapmedic.model.findings import Reason, Suspect, Verdict
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory_change import NOTHING, OwnerChange

_COUNTED = (ContainerKind.MAP, ContainerKind.SYNC_MAP, ContainerKind.SLICE)
_TYPE_ARGUMENTS = re.compile(r"\[[^\]]*\]")
_MOST_DEAD = 0.25


def join_inventory(case: Case, found: list[Suspect]) -> list[Suspect]:
    """Return ``found`` with each profile's suspect under the owner that the inventory gives it.

    What the inventory found by itself stays, unless it is what a profile found, too.
    """
    exact = case.exact
    if exact is None:
        return found
    counted = [each for each in found if is_counted(each)]
    joined: list[Suspect] = []
    for suspect in (each for each in found if not is_counted(each)):
        row = _row_of(case, exact, suspect) or _of_the_only_churn(exact, suspect, found)
        if row is None:
            joined.append(suspect)
            continue
        same = next((e for e in counted if e.code is suspect.code and _is_of(e, row)), None)
        counted = [each for each in counted if each is not same]
        joined.append(_with_row(case, exact, suspect, row, same))
    return [*joined, *counted]


def is_counted(suspect: Suspect) -> bool:
    """Tell whether the inventory alone made ``suspect``: it knows owners, and no places in the source."""
    return suspect.site is None and suspect.owner is not None


def _is_of(suspect: Suspect, row: OwnerChange) -> bool:
    return (suspect.owner, suspect.type) == (row.owner, row.type)


def _row_of(case: Case, exact: Exact, suspect: Suspect) -> OwnerChange | None:
    if suspect.kind not in _COUNTED:
        return None
    rows = [
        row
        for row in (*exact.owners, *exact.holders)
        if kind_of(row) is suspect.kind and row.after is not None
    ]
    declared = [row for row in rows if _same_declaration(row.declared, suspect.declared)]
    if declared:
        return declared[0] if len(declared) == 1 else None
    container = container_of(case, suspect)
    if container is None:
        return None
    fitting = [
        row
        for row in rows
        if count_fits(case, container, (row.after or NOTHING).entries, max(0, row.entries))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _of_the_only_churn(exact: Exact, suspect: Suspect, found: list[Suspect]) -> OwnerChange | None:
    """Return who has the map made anew where both sides tell of just one: each names what the most garbage comes from.

    A map whose entries lie in its arrays has no contents in a profile that could be counted.
    """
    anew = [each for each in found if each.code is Verdict.MAP_CHURN]
    counted = [each for each in anew if is_counted(each)]
    if suspect.code is not Verdict.MAP_CHURN or len(anew) != 2 or len(counted) != 1:
        return None
    other = counted[0]
    if None not in (suspect.declared, other.declared) and not _same_declaration(
        suspect.declared, other.declared
    ):
        return None
    return next((row for row in exact.owners if _is_of(other, row) and row.after is not None), None)


def _same_declaration(one: str | None, other: str | None) -> bool:
    """Tell whether both name one field; a generic's source knows no instance of its type."""
    if one is None or other is None:
        return False
    return _TYPE_ARGUMENTS.sub("", one) == _TYPE_ARGUMENTS.sub("", other)


def _with_row(case: Case, exact: Exact, suspect: Suspect, row: OwnerChange, same: Suspect | None) -> Suspect:
    now = row.after or NOTHING
    counted = same.reasons if same else _what_the_count_says(case, exact, suspect, row)
    # The window is one and the same: a doubt about it counts once.
    reasons = (*suspect.reasons, *(each for each in counted if not each.text.startswith("a window of")))
    return replace(
        suspect,
        confidence=combine(reasons),
        reasons=reasons,
        owner=row.owner,
        declared=suspect.declared or row.declared,
        type=row.type or suspect.type,
        entries=now.entries,
        bytes=now.bytes,
        growth_bytes_per_second=same.growth_bytes_per_second if same else suspect.growth_bytes_per_second,
        growth_uncertainty=same.growth_uncertainty if same else suspect.growth_uncertainty,
        evidence=(*(same.evidence if same else figures_as_evidence(row)), *suspect.evidence),
    )


def _what_the_count_says(case: Case, exact: Exact, suspect: Suspect, row: OwnerChange) -> tuple[Reason, ...]:
    """Return what speaks for or against ``suspect`` where the inventory did not find the same."""
    now = row.after or NOTHING
    if suspect.code is Verdict.MAP_LEAK and exact.seconds is not None and row.entries <= 0:
        return (Reason(f"counted in the process, {row.owner} gained no entries in the window", -0.5),)
    is_full = now.dead_bytes is not None and now.dead_bytes < _MOST_DEAD * now.shallow_bytes
    if suspect.code is Verdict.MAP_NEVER_SHRINKS and is_full:
        return (Reason(f"counted in the process, {now.entries:,} entries fill its buckets", -0.7),)
    steady = case.thresholds.steady_change
    if suspect.code is Verdict.LARGE_STEADY_MAP and row.entries > steady * now.entries:
        return (Reason(f"but it gained {row.entries:,} entries, counted in the process", -0.4),)
    return ()
