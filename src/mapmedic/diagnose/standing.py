"""Goroutines that stand at a place: how many, in what, and how long the oldest has waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mapmedic.diagnose.case import Case
from mapmedic.model.findings import Evidence, Suspect
from mapmedic.model.goroutines import GoroutineDump, GoroutineGroup

_FULL, _COUNTS = "goroutine?debug=2", "goroutine?debug=1"
_MOST_STATES = 3


def standing_at(case: Case, function: str) -> tuple[Evidence, ...]:
    """Return what the last dump says of goroutines with ``function`` on their stack; nothing without a dump."""
    found = _last_dump(case)
    if found is None:
        return ()
    dump, source = found
    here = [group for group in dump.groups if any(frame.function == function for frame in group.frames)]
    count = sum(group.count for group in here)
    at_least = " or more (the dump was cut)" if dump.truncated else ""
    said = f"{count:,}{at_least}" + (f": {in_words(here)}" if count and source == _FULL else "")
    return (Evidence(f"goroutines with {function} on their stack", said, None, source),)


def path_of_local(case: Case, suspect: Suspect) -> str | None:
    """Return ``goroutine 24 main.worker.m`` for a variable of a function that one goroutine alone stands in."""
    found, site = _last_dump(case), suspect.site
    if found is None or found[1] != _FULL or site is None or suspect.declared is None:
        return None
    if suspect.declared.rpartition(".")[0] != site.function or found[0].truncated:
        return None
    here = [each for each in found[0].groups if any(f.function == site.function for f in each.frames)]
    alone = len(here) == 1 and here[0].count == 1 and here[0].sample_ids
    return f"goroutine {here[0].sample_ids[0]} {suspect.declared}" if alone else None


def in_words(groups: Sequence[GoroutineGroup]) -> str:
    """Return what ``groups`` wait for and for how long: "2 chan receive, 1 running; the oldest for 12 minutes"."""
    states: Counter[str] = Counter()
    for group in groups:
        states[group.state or "in an unknown state"] += group.count
    words = ", ".join(f"{count:,} {state}" for state, count in states.most_common(_MOST_STATES))
    more = len(states) - _MOST_STATES
    return f"{words}{f' and {more} other states' if more > 0 else ''}; {longest_wait(groups)}"


def longest_wait(groups: Sequence[GoroutineGroup]) -> str:
    """Return how long the oldest of ``groups`` has waited; Go tells whole minutes."""
    minutes = max((group.wait_minutes_max for group in groups), default=0)
    if not minutes:
        return "none waiting for a minute or more"
    return f"the oldest waiting for {minutes:,} minute{'s' if minutes > 1 else ''}"


def _last_dump(case: Case) -> tuple[GoroutineDump, str] | None:
    """Return the latest dump with states, else the latest with counts alone, and which it is."""
    captures = tuple(reversed(case.observation.captures))
    full = next((c.goroutines for c in captures if c.goroutines is not None), None)
    if full is not None:
        return full, _FULL
    counts = next((c.goroutine_counts for c in captures if c.goroutine_counts is not None), None)
    return (counts, _COUNTS) if counts is not None else None
