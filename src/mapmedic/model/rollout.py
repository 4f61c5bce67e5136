"""A fix of one map in many targets, ring after ring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mapmedic.model.remedy import FixPlan, Outcome

# A tenth of thirty is three, whatever the binary fractions say.
_ROUNDING = 1e-9
PROOF_FAILED_EXIT_CODE, INTERRUPTED_EXIT_CODE = 5, 130


class TargetState(StrEnum):
    """What became of one target.

    skipped: nothing was touched, and the roll-out went on. failed: what happened stopped it; the target is as it was,
    or its journal says what is known. not_proved, unwell: fixed, but the figures do not show it, or the service turned
    bad in the time after it. cut_short: fixed, and somebody ended it before that was proved.
    """

    PENDING = "pending"
    READY = "ready"
    NOT_READY = "not_ready"
    PROVED = "proved"
    NOT_PROVED = "not_proved"
    UNWELL = "unwell"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CUT_SHORT = "cut_short"

    @property
    def is_done(self) -> bool:
        """Tell whether its map was changed, so that nobody does it again."""
        return self in (
            TargetState.PROVED, TargetState.NOT_PROVED, TargetState.UNWELL, TargetState.CUT_SHORT
        )  # fmt: skip

    @property
    def stops(self) -> bool:
        """Tell whether no further target is touched after it."""
        return self in (
            TargetState.NOT_PROVED, TargetState.UNWELL, TargetState.FAILED, TargetState.INTERRUPTED,
            TargetState.CUT_SHORT,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RolloutTarget:
    """One target, and what to ask for its health while it is fixed and after that."""

    target: str
    health_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RingSize:
    """How many targets are to be done when a ring is: ``count`` of them, or a share of all (0.1 is 10 %)."""

    count: int = 0
    share: float | None = None

    @property
    def text(self) -> str:
        """Return it in the words of the command line."""
        return str(self.count) if self.share is None else f"{self.share * 100:g}%"

    def of(self, targets: int) -> int:
        """Return how many of ``targets`` that is; a share is rounded up, so that 10 % of four is one."""
        if self.share is None:
            return min(targets, self.count)
        return min(targets, math.ceil(self.share * targets - _ROUNDING))


@dataclass(frozen=True, slots=True)
class Ring:
    """The targets from ``first`` to before ``behind``, by their place in the list; ``said`` is how it was asked for."""

    number: int
    first: int
    behind: int
    said: str


@dataclass(frozen=True, slots=True)
class TargetResult:
    """What became of one target; ``exit_code`` is what its fix alone would have ended with.

    ``earlier``: it was done by the run that this one goes on from.
    """

    target: str
    ring: int | None
    state: TargetState = TargetState.PENDING
    why: str = ""
    exit_code: int = 0
    journal_path: str | None = None
    plan: FixPlan | None = None
    outcome: Outcome | None = None
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """What became of all of them; ``stopped`` says why it ended before the last ring did, None where it did not."""

    map: str
    strategy: str
    applied: bool
    rings: tuple[Ring, ...]
    bake_seconds: float
    results: tuple[TargetResult, ...]
    stopped: str | None = None
    interrupted: bool = False
    journal_path: str | None = None

    @property
    def exit_code(self) -> int:
        """Return the worst of all: 5 before 4 before 3 before 2; 130 where it was interrupted."""
        worst = max((each.exit_code for each in self.results), default=0)
        return INTERRUPTED_EXIT_CODE if self.interrupted else worst

    def count(self, *states: TargetState) -> int:
        """Return how many targets are in one of ``states``."""
        return count_of(self.results, *states)


def count_of(results: Sequence[TargetResult], *states: TargetState) -> int:
    """Return how many of ``results`` are in one of ``states``."""
    return sum(each.state in states for each in results)
