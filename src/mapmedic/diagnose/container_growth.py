"""A container that keeps what it is given: the measurement that map_leak and slice_growth share."""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.diagnose.history import Growth
from mapmedic.model.findings import Evidence, Fix, Reason, Suspect, Verdict

_HEAP_TEXT = "heap?debug=1, runtime frames restored"
_TWO_HEAPS = "difference of heap profiles between completed GCs"


def growing_suspects(case: Case, containers: list[Container], code: Verdict, fix: Fix) -> list[Suspect]:
    """Return a suspect for each of ``containers`` that grew by more than chance and kept what it got."""
    if case.history is None or not case.growth_known:
        return []
    total = case.history.growth()
    suspects = []
    for container in containers:
        growth = case.history.growth(container.records)
        if _is_growing(case, growth):
            suspects.append(_suspect(case, container, growth, total, code, fix))
    return suspects


def _is_growing(case: Case, growth: Growth) -> bool:
    bars = case.thresholds
    return (
        growth.bytes >= bars.growth_bytes
        and growth.sigmas >= bars.growth_sigmas
        and (growth.retained_share or 0.0) >= bars.retained_share
    )


def _suspect(
    case: Case, container: Container, growth: Growth, total: Growth, code: Verdict, fix: Fix
) -> Suspect:
    reasons = _reasons(case, container, growth, total)
    return Suspect(
        code=code,
        confidence=combine(reasons),
        reasons=reasons,
        bytes=case.held_bytes(container),
        site=container.site,
        kind=container.kind,
        growth_bytes_per_second=growth.bytes_per_second,
        growth_uncertainty=growth.uncertainty_per_second,
        evidence=_evidence(case, container, growth, total),
        stack=tuple(frame.function for frame in reversed(container.stack)),
        fix=fix,
    )


def _evidence(case: Case, container: Container, growth: Growth, total: Growth) -> tuple[Evidence, ...]:
    bars, history = case.thresholds, case.history
    assert history is not None  # noqa: S101 - growing_suspects returned early otherwise
    arrays = int(history.heap.inuse_bytes[container.arrays].sum())
    kind = container.kind
    return (
        Evidence(f"memory of the {kind} itself, allocated at this site", arrays, None, _HEAP_TEXT, "bytes"),
        Evidence(
            "with what it holds (allocated by the same calls)", case.held_bytes(container), None,
            _HEAP_TEXT, "bytes",
        ),
        Evidence(
            f"growth over {growth.seconds:.1f} s", growth.bytes, bars.growth_bytes, _TWO_HEAPS, "bytes"
        ),
        Evidence("growth against its sampling error", growth.sigmas, bars.growth_sigmas, _TWO_HEAPS, "sigma"),
        Evidence(
            "of what was allocated here in the window, still held", growth.retained_share or 0.0,
            bars.retained_share, _TWO_HEAPS, "share",
        ),
        Evidence("intervals in which it grew", f"{growth.rising} of {growth.intervals}", None, _TWO_HEAPS),
        Evidence("its part of the live heap's growth", _part(growth, total), None, _TWO_HEAPS, "share"),
        Evidence("its part of the live heap", case.share_of_heap(container), None, _HEAP_TEXT, "share"),
    )  # fmt: skip


def _part(growth: Growth, total: Growth) -> float:
    return min(1.0, growth.bytes / total.bytes) if total.bytes > 0 else 1.0


def _reasons(case: Case, container: Container, growth: Growth, total: Growth) -> tuple[Reason, ...]:
    reasons = [
        Reason(
            f"it grows at {growth.sigmas:.0f} times the sampling error",
            min(0.7, 0.4 + 0.02 * growth.sigmas),
        ),
        Reason(
            f"{growth.retained_share or 0.0:.0%} of what was allocated there in the window is still held",
            0.5 * (growth.retained_share or 0.0),
        ),
    ]
    if growth.intervals > 1 and growth.rising == growth.intervals:
        reasons.append(Reason(f"it grew in each of {growth.intervals} intervals", 0.3))
    elif growth.rising < growth.intervals:
        reasons.append(Reason(f"it grew in only {growth.rising} of {growth.intervals} intervals", -0.2))
    part = _part(growth, total)
    if part >= 0.5:
        reasons.append(Reason(f"it accounts for {part:.0%} of the live heap's growth", 0.4 * part))
    if growth.seconds < case.thresholds.short_window_seconds:
        reasons.append(
            Reason(f"a window of {growth.seconds:.0f} s cannot tell a leak from a cache still filling", -0.05)
        )
    return tuple(reasons)
