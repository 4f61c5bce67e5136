"""What every rule looks at: the observation, and what can be derived from it once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapmedic.diagnose.containers import Container, Indices, find_containers
from mapmedic.diagnose.exact import Exact, build_exact
from mapmedic.diagnose.growing_places import GrowingPlace, growing_places
from mapmedic.diagnose.history import History, build_history
from mapmedic.diagnose.pictures import since_restart
from mapmedic.diagnose.thresholds import Thresholds
from mapmedic.model.observation import Observation


@dataclass(frozen=True, slots=True)
class Case:
    """One process under examination.

    ``history`` is None where no heap profile was captured. ``restarted``: what gave away that an earlier
    process was captured first; its captures are not in ``observation``. ``places`` grow outside every container.
    ``exact`` is what the inventories tell, where the process was looked at from outside.
    """

    observation: Observation
    thresholds: Thresholds
    history: History | None
    containers: tuple[Container, ...]
    restarted: str | None = None
    places: tuple[GrowingPlace, ...] = ()
    exact: Exact | None = None

    @property
    def growth_known(self) -> bool:
        """Tell whether the heap profile moved in the window, so that growth can be measured."""
        return self.history is not None and self.history.moved

    @property
    def allocation_bound(self) -> float | None:
        """Return the most bytes the heap can have grown by in the window, None where unknown.

        Everything that grows was allocated, and TotalAlloc is exact at each capture, GC or not.
        """
        stats = [c.memstats for c in self.observation.captures if c.memstats is not None]
        if len(stats) < 2:
            return None
        return float(stats[-1].total_alloc_bytes - stats[0].total_alloc_bytes)

    def may_be_growing(self, records: Indices | None = None) -> bool:
        """Tell whether ``records`` (the whole live heap by default) may well have grown in the window.

        False also where growth is not known: ask ``growth_known`` first.
        """
        if self.history is None or not self.growth_known:
            return False
        growth, bars = self.history.growth(records), self.thresholds
        return growth.bytes >= bars.growth_bytes and growth.sigmas >= bars.doubt_sigmas

    def share_of_heap(self, container: Container) -> float:
        """Return how much of the live heap ``container`` holds, 0..1."""
        if self.history is None:
            return 0.0
        heap = self.history.heap
        total = heap.total_inuse_bytes
        return float(heap.inuse_bytes[container.records].sum()) / total if total > 0 else 0.0

    def held_bytes(self, container: Container) -> int:
        """Return the bytes ``container`` holds in the last profile."""
        return int(self.history.heap.inuse_bytes[container.records].sum()) if self.history else 0


def build_case(observation: Observation, thresholds: Thresholds) -> Case:
    """Return the case that ``observation`` makes."""
    captures, restarted = since_restart(observation.captures)
    history = build_history(captures)
    bar = thresholds.slice_array_bytes
    containers = find_containers(history.heap, bar, history.gained) if history else ()
    places = growing_places(history, containers, thresholds)
    seen = replace(observation, captures=captures)
    return Case(seen, thresholds, history, containers, restarted, places, build_exact(captures))
