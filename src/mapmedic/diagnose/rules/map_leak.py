"""map_leak: a map that is filled and never emptied.

What it measures: a site whose restored frames show a map growing, and whose bytes (buckets and what they
hold) grow from GC to GC by more than the profile's sampling error, nearly all of what was allocated there
being still held. A bounded cache allocates as much but holds on to none of it. Of a process that was looked at
from outside the entries are counted, and the bytes with them: no error, and no word on what came and went.
Why it is bad: a Go map never gives memory back by itself; only the kernel's OOM killer ends it.
Mend it: delete an entry where its life ends, bound the map (LRU, TTL), or hand out a fresh map per period.
"""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.container_growth import growing_suspects
from mapmedic.diagnose.exact_growth import MAPS, counted_growth
from mapmedic.model.findings import Fix, Suspect, Verdict
from mapmedic.model.frames import ContainerKind

FIX = Fix(
    strategy="swap",
    command=None,
    patch_hint=(
        "Delete each entry where its life ends (logout, expiry, close), or bound the map: an LRU with a "
        "size limit, or a sweep that drops what is older than its TTL. Deleting keeps the buckets, so replace "
        "the map (m = make(map[K]V)) when it must shrink."
    ),
)


def find_map_leaks(case: Case) -> list[Suspect]:
    """Return every map and sync.Map that grows and keeps what it gets."""
    maps = [c for c in case.containers if c.kind in (ContainerKind.MAP, ContainerKind.SYNC_MAP)]
    sampled = growing_suspects(case, maps, Verdict.MAP_LEAK, FIX)
    return [*sampled, *counted_growth(case, Verdict.MAP_LEAK, FIX, MAPS)]
