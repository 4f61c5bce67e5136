"""What keeps a diagnosis from being one, and the one thing that would help each time."""

from __future__ import annotations

import shlex

from mapmedic.diagnose.case import Case
from mapmedic.model.findings import Blank, Evidence, Suspect, Verdict
from mapmedic.model.units import MIB

# A container smaller than this is not worth naming while nothing is known about it.
_WORTH_NAMING_SHARE = 0.1


def what_is_missing(case: Case) -> tuple[Blank, ...]:
    """Return what a verdict would need and does not have, as (what to do next, why)."""
    if case.history is None:
        what = f"{_again(case)}  (net/http/pprof has to be mounted there)"
        return (Blank(what, "no heap profile was captured"),)
    missing = []
    if not case.history.heap.frames_restored:
        missing.append(Blank(f"{_again(case)}  (needs heap?debug=1 and the symbol endpoint)",
                             "the runtime frames of map growth are hidden in what was captured"))  # fmt: skip
    if case.restarted:
        why = f"{case.restarted}: the target was restarted, or another process answered in its place"
        missing.append(Blank(f"{_again(case)}  (of one process that stays up)", why))
    elif len(case.observation.captures) < 2:
        missing.append(Blank(_again(case), "a single capture shows what is held, not whether it grows"))
    elif not case.growth_known and not _bounded(case):
        missing.append(
            Blank(f"{_again(case)} --gc  (forces a GC at each capture), or a longer --for", _no_gc(case))
        )
    return tuple(missing)


def what_is_unexplained(case: Case, unsure: list[Suspect]) -> tuple[Blank, ...]:
    """Return signs of a problem that are too weak for a verdict and too strong for a clean bill of health."""
    longer = _again(case, 3 * max(10.0, case.observation.seconds))
    signs = [
        f"{suspect.code} at {suspect.site.function if suspect.site else 'an unknown place'} "
        f"is only {suspect.confidence:.0%} likely: {suspect.reasons[-1].text}"
        for suspect in unsure
        if suspect.code.is_finding
    ]
    if case.growth_known and not signs and (growth := _unexplained_growth(case)):
        signs.append(growth)
    return tuple(Blank(longer, sign) for sign in signs)


def _again(case: Case, seconds: float = 30.0) -> str:
    """Return the command for another look: at the target, where it is alive and not a file."""
    target = case.observation.target
    live = target.startswith(("http://", "https://")) and " " not in target
    return f"mapmedic diagnose {shlex.quote(target) if live else 'URL'} --for {seconds:.0f}s"


def _bounded(case: Case) -> bool:
    """Tell whether the process allocated so little that nothing can have grown."""
    allocated = case.allocation_bound
    return allocated is not None and allocated < case.thresholds.growth_bytes


def _no_gc(case: Case) -> str:
    stats = [c.memstats for c in case.observation.captures if c.memstats is not None]
    if not stats:
        return (
            "these profiles do not say whether a GC lay between them, and a heap profile only moves with one"
        )
    if stats[-1].num_gc > stats[0].num_gc:
        return "the GCs that the captures show lie close together, before the window or at one end of it"
    count = f" (NumGC stayed at {stats[0].num_gc})"
    return f"no GC completed during the window{count}, and a heap profile only moves when one does"


def _unexplained_growth(case: Case) -> str | None:
    """Return a sentence on growth of the live heap that no rule explains, None where there is none."""
    assert case.history is not None  # noqa: S101 - growth is known
    growth, bars = case.history.growth(), case.thresholds
    heap = case.history.heap.total_inuse_bytes
    # Between two GCs the live heap of a busy service moves with what is under way; what stays, or is a
    # good part of the heap, is more than that.
    stays = (growth.retained_share or 0.0) >= bars.retained_share
    least = max(bars.growth_bytes, (bars.steady_change if stays else bars.heap_change) * heap)
    if growth.bytes < least or growth.sigmas < bars.doubt_sigmas:
        return None
    grew = f"the live heap grew by {growth.bytes / MIB:.1f} MiB in {growth.seconds:.0f} s"
    if growth.sigmas < bars.growth_sigmas:
        return (
            f"{grew}, only {growth.sigmas:.1f} times its sampling error: too short a look to call it growth"
        )
    return f"{grew}, but not at any map, slice or goroutine that could be told apart"


def undetermined_suspects(case: Case, known: list[Suspect]) -> list[Suspect]:
    """Return the containers that hold much of the heap and of whose growth nothing is known."""
    named = {(suspect.site.function, suspect.kind) for suspect in known if suspect.site}
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
        and (container.site.function, container.kind) not in named
    ]  # fmt: skip
