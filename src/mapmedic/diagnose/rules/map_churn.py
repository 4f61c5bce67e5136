"""map_churn: a map that is made anew again and again instead of being kept and cleared.

What it measures: the bytes per second that go into a map's own arrays, their part of everything that the
process allocates, and that next to nothing of them is kept. Of a process that was looked at from outside: what
the runtime counts as allocated, and what of the garbage at both looks once were a map's arrays.
Why it is bad: a map grown from nothing is allocated about twice over, each time; the GC runs for it.
Mend it: keep the map and clear it (clear(m)), give make its size, or take it from a sync.Pool.
"""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.diagnose.exact_churn import counted_churn
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict
from mapmedic.model.frames import ContainerKind

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "Keep one map and empty it with clear(m) between batches, or size it at once with make(map[K]V, n), or "
        "take it from a sync.Pool: what is grown from nothing each time is allocated about twice over."
    ),
)
_SOURCE = "difference of heap profiles: allocated, against TotalAlloc"


def find_map_churn(case: Case) -> list[Suspect]:
    """Return every map whose arrays are a large part of all allocation and are not kept."""
    return [*_sampled(case), *counted_churn(case, FIX)]


def _sampled(case: Case) -> list[Suspect]:
    allocated = case.allocation_bound
    if case.history is None or not case.growth_known or not allocated:
        return []
    maps = [c for c in case.containers if c.kind is ContainerKind.MAP and len(c.arrays)]
    return [suspect for each in maps if (suspect := _examine(case, each, allocated)) is not None]


def _examine(case: Case, container: Container, allocated: float) -> Suspect | None:
    assert case.history is not None  # noqa: S101 - _sampled returned early otherwise
    bars, growth = case.thresholds, case.history.growth(container.arrays)
    if int(case.history.heap.object_bytes[container.arrays].max()) < bars.churn_array_bytes:
        return None
    rate = growth.bytes_made / growth.seconds
    share = min(1.0, growth.bytes_made / allocated)
    kept = growth.retained_share or 0.0
    if rate < bars.churn_bytes_per_second or share < bars.churn_share or kept > bars.churn_kept:
        return None
    reasons = (
        Reason(f"{share:.0%} of all that is allocated goes into this map's arrays", 0.4 + 0.5 * share),
        Reason(f"{max(0.0, kept):.0%} of it is kept", 0.4),
    )
    return Suspect(
        code=Verdict.MAP_CHURN,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=case.held_bytes(container),
        site=container.site,
        kind=container.kind,
        evidence=(
            Evidence("allocated for the map's arrays", rate, bars.churn_bytes_per_second, _SOURCE, "bytes/s"),
            Evidence("their part of all allocation", share, bars.churn_share, _SOURCE, "share"),
            Evidence("of that, still held", max(0.0, kept), bars.churn_kept, _SOURCE, "share"),
        ),
        stack=tuple(frame.function for frame in reversed(container.stack)),
        fix=FIX,
    )
