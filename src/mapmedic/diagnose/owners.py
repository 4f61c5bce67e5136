"""Give a suspect the names people use for it: by the agent's exact counts, and by the source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.diagnose.removals import with_removals
from mapmedic.model.findings import Evidence, Reason, Site, SourceFlow, SourceHint, Suspect
from mapmedic.model.frames import is_standard_library
from mapmedic.model.heap import HeapProfile
from mapmedic.model.observation import RegisteredMap


class Source(Protocol):
    """What can be asked of the program's source; it answers None where it says nothing clear."""

    def locate(self, site: Site) -> SourceHint | None:
        """Return which container the statement at ``site`` fills."""

    def follow(self, stack: Sequence[Site]) -> SourceFlow | None:
        """Return where what ``stack`` (the program's own frames, innermost first) allocates ends up."""


# A count matches the profile's estimate within this share, or within its sampling error if larger; an
# estimate that is less sure than _SURE would match anything.
_CLOSE = 0.05
_SIGMAS = 3.0
_SURE = 0.15


def name_by_agent(case: Case, suspect: Suspect) -> Suspect:
    """Return ``suspect`` under the name of the one registered map that it is.

    That is the one registered under the name that the source declares, else the only one whose exact count
    fits the profile. A wrong name here empties the wrong map: two that fit are none.
    """
    container = container_of(case, suspect)
    if container is None:
        return suspect
    estimates = _object_counts(case, container)
    registered = [m for m in registered_maps(case) if m.kind == container.kind]
    declared = [m for m in registered if suspect.declared is not None and m.name == suspect.declared]
    fitting = declared or [m for m in registered if _fits(case, m, estimates)]
    if len(fitting) != 1:
        return suspect
    return _with_agent(case, suspect, fitting[0], "as declared" if declared else "which fits")


def container_of(case: Case, suspect: Suspect) -> Container | None:
    """Return the container in the profile that ``suspect`` is, None where it is none."""
    return next((c for c in case.containers if _is_of(suspect, c)), None)


def _is_of(suspect: Suspect, container: Container) -> bool:
    return (
        suspect.site is not None
        and container.site.function == suspect.site.function
        and container.kind == suspect.kind
    )


def registered_maps(case: Case) -> tuple[RegisteredMap, ...]:
    """Return the maps that the agent listed last."""
    listed = [c.registered_maps for c in case.observation.captures if c.registered_maps is not None]
    return listed[-1] if listed else ()


def _object_counts(case: Case, container: Container) -> list[tuple[float, float]]:
    """Return (objects held, standard deviation of that) for each place that allocates contents.

    One line may make objects of several sizes for each entry, or values of any size: both are counted.
    """
    if case.history is None:
        return []
    heap = case.history.heap
    records_of: dict[object, list[int]] = defaultdict(list)
    for record in container.contents.tolist():
        stack = heap.stacks[record]
        place = next(((f.function, f.line) for f in stack if not is_standard_library(f.function)), None)
        records_of[place].append(record)
        records_of[place, int(heap.object_bytes[record])].append(record)
    return [_estimate(heap, records) for records in records_of.values()]


def _estimate(heap: HeapProfile, records: list[int]) -> tuple[float, float]:
    objects, seen = heap.inuse_objects[records], heap.sampled_inuse[records]
    stands_for = objects / np.maximum(seen, 1)
    # Each object is seen with a chance of 1/stands_for: a binomial count, and none seen says nothing.
    variance = float((seen * stands_for * np.maximum(stands_for - 1, 0)).sum())
    return float(objects.sum()), variance**0.5 if seen.any() else np.inf


def count_fits(case: Case, container: Container, entries: int, gained: int) -> bool:
    """Tell whether some place that allocates contents of ``container`` has about ``entries`` objects."""
    return _as_many(entries, gained, _object_counts(case, container))


def _fits(case: Case, registered: RegisteredMap, estimates: list[tuple[float, float]]) -> bool:
    gained = max(0, entries_gained(case, registered.name) or 0)
    return _as_many(registered.entries or 0, gained, estimates)


def _as_many(entries: int, gained: int, estimates: list[tuple[float, float]]) -> bool:
    """Tell whether ``entries`` are as many as some place has objects.

    The heap shows an earlier moment than the count: what was gained in the window may be missing there.
    """
    if not entries:
        return False
    least = entries - gained
    for objects, error in estimates:
        tolerance = max(_CLOSE * entries, _SIGMAS * error)
        if error <= _SURE * objects and least - tolerance <= objects <= entries + tolerance:
            return True
    return False


def _with_agent(case: Case, suspect: Suspect, registered: RegisteredMap, why: str) -> Suspect:
    gained = entries_gained(case, registered.name)
    evidence = [Evidence(f"entries in {registered.name}", registered.entries or 0, None, "agent", "entries")]
    reasons = [
        Reason(f"the agent counts {registered.entries or 0:,} entries in {registered.name}, {why}", 0.3)
    ]
    if gained is not None:
        evidence.append(Evidence("entries gained in the window", gained, None, "agent", "entries"))
        growing = suspect.growth_bytes_per_second is not None and suspect.code.is_finding
        if growing and gained > 0:
            reasons.append(Reason(f"the agent saw it gain {gained:,} entries in the window", 0.4))
        elif growing:
            reasons.append(Reason("the agent saw it gain no entries in the window", -0.5))
        elif gained > case.thresholds.steady_change * (registered.entries or 0):
            reasons.append(
                Reason(f"but the agent saw it gain {gained:,} entries: a longer look is due", -0.4)
            )
    together = suspect.reasons + tuple(reasons)
    return replace(
        suspect,
        label=registered.name,
        owner=suspect.owner or registered.name,
        type=suspect.type or registered.type,
        entries=registered.entries,
        reasons=together,
        confidence=combine(together),
        evidence=suspect.evidence + tuple(evidence),
    )


def entries_gained(case: Case, name: str) -> int | None:
    """Return how many entries the agent saw ``name`` gain in the window, None unless it counted twice."""
    counts = [
        registered.entries
        for capture in case.observation.captures
        for registered in capture.registered_maps or ()
        if registered.name == name and registered.entries is not None
    ]
    return counts[-1] - counts[0] if len(counts) > 1 else None


def name_by_source(suspect: Suspect, source: Source) -> Suspect:
    """Return ``suspect`` with the declared name that the source gives its inserting statement."""
    hint = source.locate(suspect.site) if suspect.site and suspect.kind else None
    if hint is None:
        return suspect
    evidence = Evidence("the statement that inserts", hint.statement, None, "source")
    named = replace(
        suspect,
        declared=hint.declared,
        owner=hint.declared,
        type=suspect.type or hint.type,
        evidence=(*suspect.evidence, evidence),
    )
    return with_removals(named, hint)
