"""How a service answered while it was being fixed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthBars:
    """When a service counts as unwell: ``streak`` probes of one URL in a row that fail or are too slow.

    A probe fails without an answer in ``timeout_seconds``, or with another status than before the fix.
    ``max_latency_ms`` of None is reckoned from the service's own latency before.
    """

    streak: int = 3
    max_latency_ms: float | None = None
    every_seconds: float = 0.2
    baseline_probes: int = 10
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class HealthPhase:
    """The probes of one phase: ``failed`` had no answer or a wrong one; latencies in ms, None without answers."""

    probes: int
    failed: int
    slow: int
    median_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class UrlHealth:
    """One URL through a fix; ``bar_ms`` is the latency beyond which a probe is slow."""

    url: str
    status: int | None
    bar_ms: float | None
    before: HealthPhase
    during: HealthPhase
    after: HealthPhase
    unwell: str | None

    @property
    def well(self) -> bool:
        """Tell whether nothing was amiss from the fix on."""
        return self.unwell is None
