"""What is asked for of many targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mapmedic.model.health import HealthBars
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import FixPlan
from mapmedic.model.rollout import RingSize, RolloutTarget
from mapmedic.remedy.outside.plan import OutsideRequest
from mapmedic.remedy.plan import FixRequest
from mapmedic.remedy.proof import Criteria, criteria_for


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """What is asked for: ``fix`` in each of ``targets``, in rings of ``sizes``, each ring but the last watched a while.

    ``outside`` is what is asked of those that are processes, ``drop`` and ``within_seconds`` are their bars;
    ``criteria`` are those of an agent's plan. ``resume`` is the journal of the roll-out that this one goes on from.
    """

    targets: tuple[RolloutTarget, ...]
    sizes: tuple[RingSize, ...]
    fix: FixRequest
    outside: OutsideRequest | None = None
    bake_seconds: float = 60.0
    criteria: Callable[[FixPlan], Criteria] = criteria_for
    drop: float | None = None
    within_seconds: float = 30.0
    health_bars: HealthBars = field(default_factory=HealthBars)
    baseline: Observation | None = None
    resume: Path | None = None
