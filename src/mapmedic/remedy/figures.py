"""How figures of a proof are compared."""

from __future__ import annotations


def relative_change(before: float | None, after: float | None) -> float | None:
    """Return (after - before) / before, None where either is unknown or before is 0."""
    if before is None or after is None or before == 0:
        return None
    return (after - before) / before
