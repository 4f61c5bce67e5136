"""What `mapmedic diff` shows: how each owner, or each allocation site, changed from one moment to another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mapmedic.model.inventory_change import OwnerChange


class ComparedBy(StrEnum):
    """What a row is: one owner, all instances of one declaration, or a site of a heap profile (estimates)."""

    OWNER = "owner"
    DECLARED = "declared"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows, the one that gained most bytes first. ``seconds`` is None where the moments are not known.

    ``heap_bytes``: the live heap before and after. ``doubts``: sentences on what weakens the comparison.
    """

    before: str
    after: str
    by: ComparedBy
    rows: tuple[OwnerChange, ...]
    heap_bytes: tuple[int, int]
    seconds: float | None
    doubts: tuple[str, ...]
