"""How sure, and why: independent reasons combined so that none of them alone makes certainty."""

from __future__ import annotations

from collections.abc import Iterable

from mapmedic.model.findings import Reason

# No figure from sampled profiles deserves more.
MOST = 0.99


def combine(reasons: Iterable[Reason]) -> float:
    """Return the confidence in 0..0.99 that ``reasons`` add up to.

    Each supporting reason of weight w leaves 1-w of the doubt standing; each doubt of weight -w then
    takes its share away.
    """
    doubt_left, kept = 1.0, 1.0
    for reason in reasons:
        if reason.weight >= 0:
            doubt_left *= 1.0 - reason.weight
        else:
            kept *= 1.0 + reason.weight
    return round(min(MOST, (1.0 - doubt_left) * kept), 3)
