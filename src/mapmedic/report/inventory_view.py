"""The inventory of a process beside what its profiles say: the largest maps, counted."""

from __future__ import annotations

from mapmedic.model.inventory import Inventory, MapInstance
from mapmedic.model.observation import Observation
from mapmedic.report.figures import bytes_text, count_text

SHOWN_MAPS = 12
SHOWN_UNREAD = 5


def last_inventory(observation: Observation) -> Inventory | None:
    """Return the newest inventory of ``observation``, None where the process was not looked into."""
    taken = (capture.inventory for capture in reversed(observation.captures))
    return next((each for each in taken if each is not None), None)


def rows(inventory: Inventory) -> tuple[MapInstance, ...]:
    """Return the maps to show."""
    return inventory.maps[:SHOWN_MAPS]


def summary(inventory: Inventory) -> str:
    """Return in one sentence what was looked at, and what it cost."""
    snapshot = inventory.snapshot
    pause = f"It stood still for {snapshot.pause_ms:.1f} ms for it. " if snapshot.pause_ms else ""
    return (
        "Counted from outside, with no code in the service: "
        f"{count_text(len(inventory.maps))} maps among {count_text(snapshot.heap_objects)} live objects of "
        f"{bytes_text(snapshot.heap_bytes)}. {pause}The profile below estimates from samples who allocated; "
        "this says who holds it."
    )
