"""Two inventories of one program, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.inventory import Inventory


@dataclass(frozen=True, slots=True)
class OwnerFigures:
    """What one owner has at one moment, all its maps together. None is what is not known, never zero.

    Retained bytes of maps that lie in each other are counted in each of them.
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


NOTHING = OwnerFigures(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """One owner at both moments; ``before`` is None where it is new, ``after`` where it has gone."""

    owner: str
    path: str | None
    declared: str | None
    label: str | None
    type: str | None
    design: str
    before: OwnerFigures | None
    after: OwnerFigures | None

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
    """How each owner changed, the one that gained most bytes first.

    ``seconds`` lie between the two moments, None where they are not known; ``one_process`` tells whether both are of
    the same process: only then does an address name the same map; ``doubts`` are sentences on what weakens it.
    """

    before: Inventory
    after: Inventory
    rows: tuple[OwnerChange, ...]
    seconds: float | None
    one_process: bool
    doubts: tuple[str, ...] = ()

    @property
    def heap_bytes(self) -> int:
        """Return how much the live heap gained."""
        return self.after.snapshot.heap_bytes - self.before.snapshot.heap_bytes
