"""Two inventories of one program, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.inventory import Inventory


@dataclass(frozen=True, slots=True)
class OwnerFigures:
    """What one owner has at one moment, all its maps together, or what else it is. None is what is not known.

    ``entries``: of what is no map its elements; 0 where it has none, or none are known. Retained bytes of maps that
    lie in each other are counted in each of them.
    """

    instances: int
    entries: int
    capacity: int | None
    shallow_bytes: int
    dead_bytes: int | None
    retained_bytes: int | None

    @property
    def bytes(self) -> int:
        """Return what would go with it: retained bytes, where they are known and not less than its own."""
        return max(self.retained_bytes or 0, self.shallow_bytes)


_KINDS = {"swiss": "map", "classic": "map", "hashtrie": "sync.Map", "profile": "site"}
NOTHING = OwnerFigures(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """One owner at both moments; ``before`` is None where it is new, ``after`` where it has gone.

    ``design``: how a map is laid out, or the kind of what is no map. ``is_rebuilt``: none of its maps is one
    of those that it had, by their seeds.
    """

    owner: str
    path: str | None
    declared: str | None
    label: str | None
    type: str | None
    design: str
    before: OwnerFigures | None
    after: OwnerFigures | None
    is_rebuilt: bool = False

    @property
    def kind(self) -> str:
        """Return map, sync.Map, or the kind of what is no map; site for a place that allocates."""
        return _KINDS.get(self.design, self.design)

    @property
    def entries(self) -> int:
        """Return how many entries it gained."""
        return (self.after or NOTHING).entries - (self.before or NOTHING).entries

    @property
    def bytes(self) -> int:
        """Return how many bytes it gained."""
        return (self.after or NOTHING).bytes - (self.before or NOTHING).bytes


@dataclass(frozen=True, slots=True)
class InventoryChange:
    """How each owner of maps changed, the one that gained most bytes first, and each of what is no map (``holders``).

    ``seconds`` lie between the two moments, None where they are not known; ``one_process`` tells whether both are of
    the same process: only then does an address name the same map; ``doubts`` are sentences on what weakens it.
    """

    before: Inventory
    after: Inventory
    rows: tuple[OwnerChange, ...]
    seconds: float | None
    one_process: bool
    doubts: tuple[str, ...] = ()
    holders: tuple[OwnerChange, ...] = ()

    @property
    def all_rows(self) -> tuple[OwnerChange, ...]:
        """Return the owners of maps and what is no map together; a slice of maps and they are each a row."""
        rows = (*self.rows, *self.holders)
        return tuple(sorted(rows, key=lambda row: (-row.bytes, -row.entries, row.owner)))

    @property
    def heap_bytes(self) -> int:
        """Return how much the live heap gained."""
        return self.after.snapshot.heap_bytes - self.before.snapshot.heap_bytes
