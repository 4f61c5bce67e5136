"""Churn against retention: what was allocated in the window (alloc_space) beside what is still held (inuse_space)."""

from __future__ import annotations

from mapmedic.diagnose.history import Growth
from mapmedic.model.findings import Evidence
from mapmedic.model.units import MIB

_SOURCE = "heap profiles: alloc_space and inuse_space of the same places"


def retention(growth: Growth) -> tuple[Evidence, Evidence]:
    """Return how much was allocated in the window and how much of that is held; ``growth`` is of all of it."""
    return (
        Evidence("allocated there in the window", growth.bytes_made, None, _SOURCE, "bytes"),
        Evidence("of that, still held", growth.bytes_kept, None, _SOURCE, "bytes"),
    )


def in_words(growth: Growth) -> str:
    """Return the sentence: of so much that went in, so much is still held."""
    share = growth.retained_share or 0.0
    # What went in is an estimate where arrays are copied; no less went in than is held.
    given = max(growth.bytes_given, growth.bytes_kept)
    return (
        f"of {given / MIB:.1f} MiB that went into it in the window {growth.bytes_kept / MIB:.1f} MiB "
        f"are still held ({share:.0%})"
    )
