"""Give a suspect the names people use for it: by the agent's exact counts, and by the source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.confidence import combine
from mapmedic.diagnose.containers import Container
from mapmedic.model.findings import Evidence, Reason, Site, SourceHint, Suspect
from mapmedic.model.observation import RegisteredMap

# Reads the source at a site; None where there is no source or it says nothing clear.
Locate = Callable[[Site], SourceHint | None]
# A count matches the profile's estimate within this share, or within its sampling error if larger.
_CLOSE = 0.05
_SIGMAS = 4.0


def name_by_agent(case: Case, suspect: Suspect) -> Suspect:
    """Return ``suspect`` under the name of the one registered map whose exact counts fit its profile."""
    container = next((c for c in case.containers if c.site == suspect.site and c.kind == suspect.kind), None)
    if container is None:
        return suspect
    estimates = _object_counts(case, container)
    fitting = [m for m in _registered(case) if m.kind == container.kind and _fits(m, estimates)]
    if len(fitting) != 1:
        return suspect
    return _with_agent(case, suspect, fitting[0])


def _registered(case: Case) -> tuple[RegisteredMap, ...]:
    listed = [c.registered_maps for c in case.observation.captures if c.registered_maps is not None]
    return listed[-1] if listed else ()


def _object_counts(case: Case, container: Container) -> list[tuple[float, float]]:
    """Return for each allocating stack of the contents (objects held, standard deviation of that)."""
    if case.history is None:
        return []
    heap = case.history.heap
    records_of: dict[object, list[int]] = defaultdict(list)
    for record in container.contents.tolist():
        records_of[heap.stacks[record]].append(record)
    estimates = []
    for records in records_of.values():
        objects = float(heap.inuse_objects[records].sum())
        seen = float(heap.sampled_inuse[records].sum())
        estimates.append((objects, objects / np.sqrt(seen) if seen else np.inf))
    return estimates


def _fits(registered: RegisteredMap, estimates: list[tuple[float, float]]) -> bool:
    entries = registered.entries
    if not entries:
        return False
    return any(
        np.isfinite(error) and abs(objects - entries) <= max(_CLOSE * entries, _SIGMAS * error)
        for objects, error in estimates
    )


def _with_agent(case: Case, suspect: Suspect, registered: RegisteredMap) -> Suspect:
    gained = _entries_gained(case, registered.name)
    evidence = [Evidence(f"entries in {registered.name}", registered.entries or 0, None, "agent", "entries")]
    reasons = [
        Reason(f"the agent counts {registered.entries:,} entries in {registered.name}, which fits", 0.3)
    ]
    if gained is not None:
        evidence.append(Evidence("entries gained in the window", gained, None, "agent", "entries"))
        growing = suspect.growth_bytes_per_second is not None and suspect.code.is_finding
        if growing and gained > 0:
            reasons.append(Reason(f"the agent saw it gain {gained:,} entries in the window", 0.4))
        elif growing:
            reasons.append(Reason("the agent saw it gain no entries in the window", -0.5))
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


def _entries_gained(case: Case, name: str) -> int | None:
    counts = [
        registered.entries
        for capture in case.observation.captures
        for registered in capture.registered_maps or ()
        if registered.name == name and registered.entries is not None
    ]
    return counts[-1] - counts[0] if len(counts) > 1 else None


def name_by_source(suspect: Suspect, locate: Locate) -> Suspect:
    """Return ``suspect`` with the declared name that the source gives its inserting statement."""
    hint = locate(suspect.site) if suspect.site and suspect.kind else None
    if hint is None:
        return suspect
    evidence = Evidence("the statement that inserts", hint.statement, None, "source")
    return replace(
        suspect,
        declared=hint.declared,
        owner=hint.declared,
        type=suspect.type or hint.type,
        evidence=(*suspect.evidence, evidence),
    )
