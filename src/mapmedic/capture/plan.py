"""What a capture is to do: how long to look, how often, what for."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapmedic.capture.limits import LOOSEST, Limits
from mapmedic.model import inventory

_SHORTEST_POLL_SECONDS = 1.0
# A timeline of a day needs no finer steps than one of ten minutes, and a session has its bounds.
_MOST_POLLS = 600
_SHORTEST_INTERVAL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """How long to look and how often.

    ``seconds`` of 0 is a single visit; otherwise ``visits`` are spread evenly over it, the first at
    once and the last at its end. ``force_gc`` asks the target for a collection at each visit.
    ``cpu_seconds`` and ``trace_seconds`` are how long a CPU profile and an execution trace take at the end, 0 for
    none. ``most`` bounds each single answer beyond the endpoint's own limits. ``inside`` is what
    looking into a process may cost it; with ``image`` its memory is kept as it was at the last look.
    """

    seconds: float = 0.0
    visits: int = 4
    force_gc: bool = False
    agent_token: str | None = field(default=None, repr=False)
    most: Limits = LOOSEST
    cpu_seconds: float = 0.0
    trace_seconds: float = 0.0
    inside: inventory.Limits = field(default_factory=inventory.Limits)
    image: bool = False

    @property
    def moments(self) -> tuple[float, ...]:
        """Return the seconds after the start at which each visit takes place."""
        if self.seconds <= 0:
            return (0.0,)
        most = int(self.seconds / _SHORTEST_INTERVAL_SECONDS) + 1
        count = max(2, min(self.visits, most))
        return tuple(self.seconds * step / (count - 1) for step in range(count))

    @property
    def poll_seconds(self) -> float:
        """Return the time between two looks at the metrics."""
        return max(_SHORTEST_POLL_SECONDS, self.seconds / _MOST_POLLS)
