"""What would be done, and what the program may notice of it, in sentences."""

from __future__ import annotations

from mapmedic.goheap.map_locks import GUARD_THEMSELVES
from mapmedic.model.inventory import MapInstance
from mapmedic.model.outside import OutsidePlan


def steps_of(outside: OutsidePlan, change: str) -> tuple[str, ...]:
    """Return what is done, one step after the other; ``change`` is the one that changes something."""
    kept = _kept(outside)
    watched = ", watching a lock that is hardly ever free so as to stop where somebody takes it (--no-watch: do not)"
    steps = [
        f"write into the journal what is about to be done{kept}, and wait until the disk has it",
        f"stop every thread for {outside.budget_ms:g} ms at most and look at the conditions of the moment; where one "
        f"does not hold let go, wait a little and try again, for {outside.limit_ms / 1e3:g} s"
        f"{watched if outside.watches_locks and outside.locks else ''}",
        change,
    ]
    if outside.collections:
        steps.append(
            f"have the runtime's own clock force {outside.collections} collections (forcegcperiod, put back after it), "
            "so that memory comes back soon"
        )
    return (*steps, "watch RSS and the heap, and say whether it helped")


def _kept(outside: OutsidePlan) -> str:
    """Return what is saved beside the journal."""
    if outside.saving is None:
        return ""
    if not outside.saving.is_raw:
        return ", and save the entries beside it" + (" as hashes" if outside.redacted else "")
    without = (
        ", the bytes themselves left out (--redact: only where each part lies)" if outside.redacted else ""
    )
    return (
        ", and save beside it the bytes of the map's own parts (header, directory and tables, groups or buckets) as "
        f"they lie{without}, since nothing tells the types of its keys and values: what these point to is not followed"
    )


def notices_of(map_: MapInstance, matches: int | None = None) -> tuple[str, ...]:
    """Return what a program may notice when ``map_`` is empty at once, or ``matches`` entries of it go."""
    gone = map_.entries if matches is None else matches
    entries = f"{gone:,} entries" if gone != 1 else "one entry"
    lacks = "len says less" if gone != map_.entries else f"{_looks(map_)} until somebody inserts"
    said = [
        f"lookups find nothing of what went: where it is a cache, what is behind it may be asked for {entries} anew "
        "within a short time; think of what that back end bears",
        f"{lacks}; a counter, a list or a second index that the program keeps beside the map is not changed with it",
        "values that own more than memory (files, connections, goroutines) are not closed",
    ]
    if map_.shared_bytes:
        said.append(f"{map_.shared_bytes:,} bytes that its values lead to are held elsewhere too, and stay")
    return tuple(said)


def _looks(map_: MapInstance) -> str:
    if map_.design in GUARD_THEMSELVES:
        return "a Range that begins after it yields nothing (one under way may go on over what went)"
    return "len says 0 and a range yields nothing"
