"""One map of a process looked at closely."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import Target
from mapmedic.goheap.entries import take_entries
from mapmedic.goheap.map_paths import take_holders
from mapmedic.memory.copying import Progress
from mapmedic.model.entries import MapEntries
from mapmedic.model.holders import MapHolders
from mapmedic.model.inventory import Limits
from mapmedic.model.owner_match import find_map


def capture_entries(
    target: Target, limits: Limits, owner: str, shown: int, exe: Path | None = None,
    progress: Progress | None = None,
) -> MapEntries:  # fmt: skip
    """Return what is in the map of ``target`` that ``owner`` means, ``shown`` entries of it decoded.

    UsageError where none or several are meant; else as ``capture_inventory``.
    """
    heap, inventory, _ = capture_heap(target, limits, exe, progress)
    map_ = find_map(inventory.maps, owner)
    return take_entries(heap, inventory, map_, shown, inventory.snapshot.taken_at_unix_ns or 0)


def capture_holders(
    target: Target, limits: Limits, owner: str, exe: Path | None = None, progress: Progress | None = None
) -> MapHolders:
    """Return who holds the map of ``target`` that ``owner`` means; errors as of ``capture_entries``."""
    heap, inventory, names = capture_heap(target, limits, exe, progress)
    return take_holders(heap, inventory, find_map(inventory.maps, owner), names)
