"""What keeps a diagnosis from being one, and the one thing that would help each time."""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.model.findings import Blank, Evidence, Suspect, Verdict
from mapmedic.model.units import MIB

# A container smaller than this is not worth naming while nothing is known about it.
_WORTH_NAMING_SHARE = 0.1


def what_is_missing(case: Case) -> tuple[Blank, ...]:
    """Return what a verdict would need and does not have, as (what to do next, why)."""
    target = case.observation.target
    if case.history is None:
        return (Blank(f"mapmedic diagnose URL --for 30s  (with net/http/pprof at {target})",
                      "no heap profile was captured"),)  # fmt: skip
    missing = []
    if not case.history.heap.frames_restored:
        missing.append(Blank(f"mapmedic diagnose {target} --for 30s  (needs heap?debug=1 and the symbol endpoint)",
                             "the runtime frames of map growth are hidden in what was captured"))  # fmt: skip
    if len(case.observation.captures) < 2:
        missing.append(Blank(f"mapmedic diagnose {target} --for 30s",
                             "a single capture shows what is held, not whether it grows"))  # fmt: skip
    elif not case.growth_known and not _bounded(case):
        missing.append(Blank(f"mapmedic diagnose {target} --for 30s --gc  (forces a GC at each capture), "
                             "or a longer --for", _no_gc(case)))  # fmt: skip
    elif case.growth_known and (growth := _unexplained(case)):
        longer = 3 * max(10.0, case.observation.seconds)
        missing.append(Blank(f"mapmedic diagnose {target} --for {longer:.0f}s", growth))
    return tuple(missing)


def _bounded(case: Case) -> bool:
    """Tell whether the process allocated so little that nothing can have grown."""
    allocated = case.allocation_bound
    return allocated is not None and allocated < case.thresholds.growth_bytes


def _no_gc(case: Case) -> str:
    stats = next((c.memstats for c in case.observation.captures if c.memstats is not None), None)
    count = f" (NumGC stayed at {stats.num_gc})" if stats else ""
    return f"no GC completed during the window{count}, and a heap profile only moves when one does"


def _unexplained(case: Case) -> str | None:
    """Return a sentence on growth of the live heap that no rule explains, None where there is none."""
    assert case.history is not None  # noqa: S101 - what_is_missing returned early otherwise
    growth, bars = case.history.growth(), case.thresholds
    kept = growth.retained_share or 0.0
    large = growth.bytes >= max(bars.growth_bytes, bars.steady_change * case.history.heap.total_inuse_bytes)
    if not large or growth.sigmas < bars.doubt_sigmas or kept < bars.retained_share:
        return None
    grew = f"the live heap grew by {growth.bytes / MIB:.1f} MiB in {growth.seconds:.0f} s"
    if growth.sigmas < bars.growth_sigmas:
        return (
            f"{grew}, only {growth.sigmas:.1f} times its sampling error: too short a look to call it growth"
        )
    return f"{grew}, but not at any map, slice or goroutine that could be told apart"


def undetermined_suspects(case: Case) -> list[Suspect]:
    """Return the containers that hold much of the heap, while nothing is known about their growth."""
    return [
        Suspect(
            code=Verdict.UNDETERMINED,
            confidence=0.0,
            reasons=(),
            bytes=case.held_bytes(container),
            site=container.site,
            kind=container.kind,
            evidence=(
                Evidence("its part of the live heap", case.share_of_heap(container), None,
                         "heap?debug=1, runtime frames restored", "share"),
            ),
            stack=tuple(frame.function for frame in reversed(container.stack)),
        )
        for container in case.containers[:5]
        if case.share_of_heap(container) >= _WORTH_NAMING_SHARE
    ]  # fmt: skip
