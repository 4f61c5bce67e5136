"""Put several observations of one process together, and refuse those that are of several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mapmedic.errors import UsageError
from mapmedic.model.findings import Blank
from mapmedic.model.observation import SAME_START_SECONDS, Observation
from mapmedic.model.units import NANOSECONDS_PER_SECOND


def merge_observations(parts: Sequence[Observation]) -> Observation:
    """Return several observations of one process as one, in order of time.

    Those from before its last restart are left out, with a blank that says so. UsageError where they are of
    different programs, or of processes that ran at the same time: growth between them would mean nothing.
    """
    if len(parts) == 1:
        return parts[0]
    _require_one_program(parts)
    kept, earlier = _since_restart(parts)
    captures = sorted((c for part in kept for c in part.captures), key=lambda c: c.at)
    # A trace has no clock of its own: its points are drawn where nothing better is known.
    measured = [part for part in kept if part.captures or part.gc_trace is None]
    timeline = sorted((p for part in measured or kept for p in part.timeline), key=lambda p: p.at)
    blanks = [blank for part in kept for blank in part.not_captured] + earlier
    return Observation(
        target=" + ".join(part.target for part in parts),
        captures=tuple(captures),
        timeline=tuple(timeline),
        not_captured=tuple(dict.fromkeys(blanks)),
        go_version=next((part.go_version for part in kept if part.go_version), None),
        gc_trace=max((p.gc_trace for p in kept if p.gc_trace), key=lambda t: t.cycles, default=None),
        process=next((part.process for part in kept if part.process.started_at_seconds), kept[0].process),
    )


def _require_one_program(parts: Sequence[Observation]) -> None:
    named = [part for part in parts if part.process.program]
    for one, other in pairwise(named):
        if one.process.program != other.process.program:
            raise UsageError(
                f"{one.target} is of {one.process.program!r}, {other.target} of {other.process.program!r}: growth is "
                "measured within one process; give the files of one, or compare two with `mapmedic verify`"
            )


def _since_restart(parts: Sequence[Observation]) -> tuple[list[Observation], list[Blank]]:
    """Return the parts of the process that started last, and a blank for each part of an earlier one."""
    starts = {id(part): part.process.started_at_seconds for part in parts}
    last = max((at for at in starts.values() if at is not None), default=None)
    kept, blanks = [], []
    for part in parts:
        started = starts[id(part)]
        if last is None or started is None or last - started <= SAME_START_SECONDS:
            kept.append(part)
            continue
        seen = part.captures[-1].at / NANOSECONDS_PER_SECOND if part.captures else started
        if seen > last + SAME_START_SECONDS:
            raise UsageError(
                f"{part.target} is of a process that still ran when the other had started: two processes (replicas?) "
                "cannot be looked at as one; give the files of one of them"
            )
        why = f"not compared: the service was restarted {last - seen:,.0f} s after it"
        blanks.append(Blank(part.target, why))
    return kept, blanks
