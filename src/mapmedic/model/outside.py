"""A fix of a process that has no agent: what its plan says beside what every plan says."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.entries import Contents
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.holders import MapHolders
from mapmedic.model.inventory import InventoryTarget, MapInstance
from mapmedic.model.map_lock import MapLock
from mapmedic.model.saved_entries import EntriesPlan


@dataclass(frozen=True, slots=True)
class OutsidePlan:
    """Which map of which process, who holds it, what is in it, and what is asked for at the moment of the write.

    ``target`` and ``started_ticks`` (since boot) name the process. ``locks`` all have to be free; ``without_lock``: of
    a map that has one nobody knows none is asked for, as was wished. ``guards`` are asked for in one stop, a sentence
    each. ``notices``: what the program may notice. ``held_bytes``: what goes with the entries. ``measured_ms``: how
    long stops took in which all was asked for and nothing written; none where it was not worth a stop. A stop lasts
    ``budget_ms`` at most, and ``limit_ms`` pass before it is given up; ``watches_locks``: one that is hardly ever free
    is watched meanwhile. ``saving``: what saving the entries takes, None where they are not saved; ``redacted``: hashes
    in the place of what they say. ``collections``: how many are forced for the memory to come back, 0 for none.
    ``fields``: of a struct all its map fields, ``map`` being the one that holds the most; none where it is of one map.
    """

    target: InventoryTarget
    started_ticks: int
    map: MapInstance
    locks: tuple[MapLock, ...]
    without_lock: bool
    holders: MapHolders | None
    contents: Contents | None
    guards: tuple[str, ...]
    notices: tuple[str, ...]
    held_bytes: int
    measured_ms: tuple[float, ...]
    budget_ms: float
    limit_ms: float
    watches_locks: bool
    saving: EntriesPlan | None
    redacted: bool
    collections: int
    journal_folder: str
    fields: tuple[FieldPlan, ...] = ()
