"""The suspect that an owner in the inventory makes: its names, its figures and what was measured."""

from __future__ import annotations

from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.exact import figures_as_evidence, kind_of
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.inventory_change import NOTHING, OwnerChange


def counted_suspect(
    code: Verdict,
    row: OwnerChange,
    reasons: tuple[Reason, ...],
    evidence: tuple[Evidence, ...],
    fix: Fix | None = None,
    *,
    seconds: float | None = None,
) -> Suspect:
    """Return ``row`` as a suspect, with ``evidence`` before what it has now; its growth where ``seconds`` are given."""
    now = row.after or row.before or NOTHING
    return Suspect(
        code=code,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=now.bytes,
        kind=kind_of(row),
        owner=row.owner,
        declared=row.declared,
        type=row.type,
        entries=now.entries,
        growth_bytes_per_second=row.bytes / seconds if seconds else None,
        evidence=(*evidence, *figures_as_evidence(row)),
        fix=fix,
    )
