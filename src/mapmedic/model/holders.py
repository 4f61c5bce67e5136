"""Who holds one map: the shortest way from a root, and who else leads there."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.inventory import InventoryTarget, MapInstance, Snapshot


@dataclass(frozen=True, slots=True)
class HolderStep:
    """One object on the way. ``name`` is the place in it where the way goes on; ``retained_bytes`` go with it.

    ``type`` is None where it is not known; what the runtime puts between a map and its slots says so in words.
    """

    address: int
    name: str
    type: str | None
    retained_bytes: int


@dataclass(frozen=True, slots=True)
class OtherHolder:
    """Another word that leads to the map, or to the object that holds it (``of``); ``address`` 0 for a register."""

    of: str
    name: str
    address: int


@dataclass(frozen=True, slots=True)
class MapHolders:
    """Who holds ``map``. ``root`` is where the way begins; ``others`` are some of ``others_count`` more holders."""

    target: InventoryTarget
    snapshot: Snapshot
    map: MapInstance
    root: str
    steps: tuple[HolderStep, ...]
    others: tuple[OtherHolder, ...]
    others_count: int
