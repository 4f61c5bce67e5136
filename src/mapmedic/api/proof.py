"""Prove that memory came back, from two observations of one service."""

from __future__ import annotations

from collections.abc import Callable

from mapmedic.model.gctrace import GcTrace
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import Proof
from mapmedic.remedy.apply import Beside
from mapmedic.remedy.compare import baseline_heap, compare
from mapmedic.remedy.proof import Criteria


def verify(
    before: Observation,
    after: Observation,
    criteria: Criteria | None = None,
    *,
    baseline: Observation | None = None,
    trace: GcTrace | None = None,
) -> Proof:
    """Return whether memory came back between two observations of the same service.

    ``baseline`` is the service when all was well, ``trace`` its log of the GC over both.
    """
    beside = beside_service(baseline, (lambda: trace) if trace else None)
    return compare(before, after, criteria or Criteria(), beside)


def beside_service(baseline: Observation | None, trace: Callable[[], GcTrace] | None) -> Beside:
    """Return what is held beside a fix: the healthy service's heap, and the GC log, read when the fix is done."""
    return Beside(baseline_heap(baseline) if baseline else None, trace)
