"""What keeps a diagnosis from being one, and the one thing that would help each time."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.containers import Indices
from mapmedic.diagnose.exact_unknowns import (
    MOST_NAMED,
    WORTH_NAMING_SHARE,
    again,
    counted_growth,
    large_owners,
    missing_from_outside,
)
from mapmedic.diagnose.gc_log import what_the_gc_log_says, window_for
from mapmedic.diagnose.growing_places import GrowingPlace
from mapmedic.diagnose.retention import retention
from mapmedic.model.findings import Blank, Evidence, Site, Suspect, Verdict
from mapmedic.model.frames import ContainerKind, is_standard_library
from mapmedic.model.units import MIB

# By default one object is sampled every 512 KiB: a heap of this size without a single one does not happen.
_SAMPLED_FOR_CERTAIN = 16 * MIB


def what_is_missing(case: Case) -> tuple[Blank, ...]:
    """Return what a verdict would need and does not have, as (what to do next, why)."""
    if case.exact is not None and (case.exact.seconds is not None or case.history is None):
        return missing_from_outside(case, case.exact)
    if case.history is None:
        trace = case.observation.gc_trace
        seconds = window_for(trace) if trace else 30.0
        what = f"{again(case, seconds)}  (net/http/pprof has to be mounted there)"
        unseen = ", and a gctrace log does not say what holds the heap" if trace else ""
        return (*_logged(case, what), Blank(what, f"no heap profile was captured{unseen}"))
    missing = []
    if not case.history.heap.stacks and _heap_is_large(case):
        why = "the heap profile is empty though the heap is not: profiling is switched off there"
        missing.append(Blank(f"{again(case)}  (with runtime.MemProfileRate as it is by default)", why))
    if not case.history.heap.frames_restored:
        missing.append(Blank(f"{again(case)}  (needs heap?debug=1, and the symbol endpoint or --exe FILE)",
                             "the runtime frames of map growth are hidden in what was captured"))  # fmt: skip
    if case.restarted:
        why = f"{case.restarted}: the target was restarted, or another process answered in its place"
        missing.append(Blank(f"{again(case)}  (of one process that stays up)", why))
    elif len(case.observation.captures) < 2:
        missing.append(Blank(again(case), "a single capture shows what is held, not whether it grows"))
    elif not case.growth_known and not _bounded(case):
        missing.append(
            Blank(f"{again(case)} --gc  (forces a GC at each capture), or a longer --for", _no_gc(case))
        )
    return (*missing, *(_logged(case, missing[0].what) if missing else ()))


def _logged(case: Case, what: str) -> tuple[Blank, ...]:
    """Return what a gctrace log adds: that it grows is known from it, what grows is not."""
    trace = case.observation.gc_trace
    return (Blank(what, what_the_gc_log_says(trace, case.thresholds)),) if trace else ()


def what_is_unexplained(case: Case, unsure: list[Suspect], sure: list[Suspect]) -> tuple[Blank, ...]:
    """Return signs of a problem that are too weak for a verdict and too strong for a clean bill of health.

    What ``sure`` explains is no sign.
    """
    longer = again(case, 3 * max(10.0, case.observation.seconds))
    places = case.places
    signs = [
        f"{suspect.code} at {_place_of(suspect)} "
        f"is only {suspect.confidence:.0%} likely: {min(suspect.reasons, key=lambda r: r.weight).text}"
        for suspect in unsure
        if suspect.code.is_finding
    ]
    if not signs and (growth := _growth_without_a_name(case, places, sure)):
        signs.append(growth)
    if places:
        made = places[0].site.function
        longer += (
            f" --source DIR  (follows what {made} makes to the map that keeps it; the agent's counts do, too)"
        )
    return tuple(Blank(longer, sign) for sign in signs)


def _place_of(suspect: Suspect) -> str:
    return suspect.site.function if suspect.site else suspect.owner or "an unknown place"


def _bounded(case: Case) -> bool:
    """Tell whether the process allocated so little that nothing can have grown."""
    allocated = case.allocation_bound
    return allocated is not None and allocated < case.thresholds.growth_bytes


def _heap_is_large(case: Case) -> bool:
    stats = [c.memstats for c in case.observation.captures if c.memstats is not None]
    return bool(stats) and stats[-1].heap_alloc_bytes >= _SAMPLED_FOR_CERTAIN


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


def _growth_without_a_name(case: Case, places: tuple[GrowingPlace, ...], known: list[Suspect]) -> str | None:
    """Return a sentence on growth of the live heap that no rule explains, by count where it was counted."""
    if case.exact is not None and case.exact.seconds is not None:
        return counted_growth(case, case.exact, case.exact.seconds, known)
    return _unexplained_growth(case, places) if case.growth_known else None


def _unexplained_growth(case: Case, places: tuple[GrowingPlace, ...]) -> str | None:
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
    if places:
        return f"{grew}, most of it made at {places[0].at}, and nothing tells what keeps it"
    return f"{grew}, but not at any map, slice or goroutine that could be told apart"


def places_without_a_keeper(case: Case) -> list[Suspect]:
    """Return the places that allocate what stays, where nothing says which container keeps it."""
    return [_growing(place) for place in case.places]


def _growing(place: GrowingPlace) -> Suspect:
    growth, source = place.growth, "difference of heap profiles between completed GCs"
    return Suspect(
        code=Verdict.UNDETERMINED,
        confidence=0.0,
        reasons=(),
        bytes=max(0, int(place.held_bytes)),
        site=place.site,
        growth_bytes_per_second=growth.bytes_per_second,
        growth_uncertainty=growth.uncertainty_per_second,
        evidence=(
            Evidence("growth of what is made here", growth.bytes, None, source, "bytes"),
            Evidence("objects of the busiest line gained", round(place.objects), None, source, "objects"),
            *retention(growth),
        ),
        stack=tuple(frame.function for frame in reversed(place.stack)),
    )


def undetermined_suspects(case: Case, known: list[Suspect]) -> list[Suspect]:
    """Return what holds much of the heap while nothing is known of its growth.

    The containers; where the profile hides them all, the program's functions that allocated it.
    """
    held = large_owners(case, case.exact, known) if case.exact is not None else []
    return [*held, *_large_in_the_profile(case, known)]


def _large_in_the_profile(case: Case, known: list[Suspect]) -> list[Suspect]:
    named = {(suspect.site.function, suspect.kind) for suspect in known if suspect.site}
    containers = [
        _holder(case, c.site, c.records, c.kind, tuple(f.function for f in reversed(c.stack)))
        for c in case.containers[:MOST_NAMED]
        if case.share_of_heap(c) >= WORTH_NAMING_SHARE and (c.site.function, c.kind) not in named
    ]
    if containers or any(suspect.kind for suspect in known):
        return containers
    return [s for s in _allocating_functions(case) if s.site and (s.site.function, None) not in named]


def _allocating_functions(case: Case) -> list[Suspect]:
    if case.history is None:
        return []
    heap = case.history.heap
    made_at: dict[Site, list[int]] = defaultdict(list)
    for record, stack in enumerate(heap.stacks):
        frame = next((each for each in stack if not is_standard_library(each.function)), None)
        if frame is not None:
            made_at[Site(frame.function, frame.file, frame.line)].append(record)
    held = {site: float(heap.inuse_bytes[records].sum()) for site, records in made_at.items()}
    largest = sorted(held, key=lambda site: -held[site])[:MOST_NAMED]
    least = max(1.0, WORTH_NAMING_SHARE * heap.total_inuse_bytes)
    named = [site for site in largest if held[site] >= least]
    return [_holder(case, site, np.array(made_at[site], dtype=np.int64)) for site in named]


def _holder(
    case: Case, site: Site, records: Indices, kind: ContainerKind | None = None, stack: tuple[str, ...] = ()
) -> Suspect:
    assert case.history is not None  # noqa: S101 - there is something to hold
    heap = case.history.heap
    source = "heap?debug=1, runtime frames restored" if heap.frames_restored else "heap profile"
    held, made = int(heap.inuse_bytes[records].sum()), int(heap.alloc_bytes[records].sum())
    share = held / max(1.0, heap.total_inuse_bytes)
    return Suspect(
        code=Verdict.UNDETERMINED,
        confidence=0.0,
        reasons=(),
        bytes=held,
        site=site,
        kind=kind,
        evidence=(
            Evidence("its part of the live heap", share, None, source, "share"),
            Evidence("allocated there since the process started", made, None, source, "bytes"),
            Evidence("of that, still held", held, None, source, "bytes"),
        ),
        stack=stack,
    )
