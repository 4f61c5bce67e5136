"""Go through the rings, one target at a time, and stop where something went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Protocol

from mapmedic.errors import MapmedicError
from mapmedic.model.health import UrlHealth
from mapmedic.model.remedy import FixPlan, Outcome
from mapmedic.model.rollout import (
    INTERRUPTED_EXIT_CODE,
    PROOF_FAILED_EXIT_CODE,
    Ring,
    RolloutTarget,
    TargetResult,
    TargetState,
)
from mapmedic.remedy.rollout.bake import Life
from mapmedic.remedy.rollout.record import Record
from mapmedic.remedy.rollout.rules import when_applied, when_planned
from mapmedic.remedy.uninterrupted import ProofCutShort

Progress = Callable[[str, float], None]
INTERRUPTED = "it was interrupted"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan, and what does it, with its journal and its proof; it keeps the copy of the process that it rests on."""

    plan: FixPlan
    apply: Callable[[Progress], Outcome]


class Hands(Protocol):
    """What is done to one target, as a single fix does it."""

    def prepare(self, target: RolloutTarget) -> Prepared:
        """Return what would be done; nothing is changed."""

    def look_after(self, target: RolloutTarget, outcome: Outcome, progress: Progress) -> Outcome:
        """Return ``outcome`` with how the service answers right after the fix."""

    def life(self, target: RolloutTarget) -> Life:
        """Return which process it is."""

    def bake(
        self, known: Sequence[UrlHealth], seconds: float, stop: Event, progress: Progress
    ) -> tuple[UrlHealth, ...]:
        """Watch for a while what was fixed, by the URLs of ``known``; return how they answered."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: these targets, in these rings, and for how long each but the last is watched."""

    targets: tuple[RolloutTarget, ...]
    rings: tuple[Ring, ...]
    bake_seconds: float
    earlier: Mapping[str, TargetResult] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: how far it is, and what became of each target; ``stop`` ends it before the next one."""

    progress: Progress = lambda _what, _share: None
    ended: Callable[[TargetResult], None] = lambda _result: None
    stop: Event = field(default_factory=Event)


def plan_all(order: Order, hands: Hands, listener: Listener) -> tuple[TargetResult, ...]:
    """Return the plan of each target; nothing is changed."""
    return tuple(
        order.earlier.get(each.target) or _planned(each, ring_of(order.rings, index), hands, listener)[0]
        for index, each in enumerate(order.targets)
    )


def _planned(
    target: RolloutTarget, ring: int | None, hands: Hands, listener: Listener
) -> tuple[TargetResult, Prepared | None]:
    listener.progress(f"looking at {target.target}", 0.0)
    try:
        prepared = hands.prepare(target)
    except MapmedicError as error:
        return TargetResult(target.target, ring, when_planned(error), str(error), error.exit_code), None
    plan = prepared.plan
    why = "; ".join(f"{each.name}: {each.why}" for each in plan.conditions if not each.holds)
    state = TargetState.READY if plan.ready else TargetState.NOT_READY
    return TargetResult(target.target, ring, state, why, plan=plan), prepared


def ring_of(rings: Sequence[Ring], index: int) -> int | None:
    """Return the number of the ring that the target at ``index`` is in, None for one in no ring."""
    return next((ring.number for ring in rings if ring.first <= index < ring.behind), None)


class Run:
    """One roll-out under way; ``results`` are by target."""

    def __init__(self, order: Order, hands: Hands, record: Record, listener: Listener) -> None:
        self._order, self._hands, self._record, self._tell = order, hands, record, listener
        self._lives: dict[str, Life] = {}
        self._places = {each.target: place for place, each in enumerate(order.targets, 1)}
        self._why: str | None = None
        self.results = {
            each.target: order.earlier.get(each.target)
            or TargetResult(each.target, ring_of(order.rings, index))
            for index, each in enumerate(order.targets)
        }

    def go(self) -> str | None:
        """Do ring after ring; return why it was stopped, None where nothing stopped it."""
        for ring in self._order.rings:
            self._why = self._do_ring(ring)
            if self._why is None and ring is not self._order.rings[-1]:
                self._why = self._bake(ring)
            if self._why is not None:
                break
        self._record.ended(self._why)
        return self._why

    @property
    def was_interrupted(self) -> bool:
        """Tell whether somebody wanted it to end before it did."""
        return self._why == INTERRUPTED or any(
            each.state in (TargetState.INTERRUPTED, TargetState.CUT_SHORT) and not each.earlier
            for each in self.results.values()
        )

    def _do_ring(self, ring: Ring) -> str | None:
        members = self._order.targets[ring.first : ring.behind]
        open_ones = [each for each in members if not self.results[each.target].earlier]
        for target in open_ones:
            if self._tell.stop.is_set():
                return INTERRUPTED
            result = self._do(target, ring)
            self._settle(result)
            if result.state is TargetState.PENDING:
                return INTERRUPTED
            if result.state.stops:
                return f"{target.target}: {result.why}"
        if open_ones and not any(each.state is TargetState.PROVED for each in self.results.values()):
            return (
                f"no target up to ring {ring.number} was fixed and proved, so nothing shows what the fix does"
            )
        return None

    def _do(self, target: RolloutTarget, ring: Ring) -> TargetResult:
        """Return what became of ``target``; pending where the end was asked for before anything was done to it."""
        tell = Listener(lambda what, share: self._progress(ring, target, what, share))
        planned = TargetResult(target.target, ring.number)
        try:
            self._record.target_begins(target.target, ring.number)
            planned, prepared = _planned(target, ring.number, self._hands, tell)
            if prepared is None:
                return planned
            self._lives[target.target] = self._hands.life(target)
            if self._tell.stop.is_set():
                return replace(planned, state=TargetState.PENDING)
            outcome = prepared.apply(tell.progress)
            outcome = self._look_after(target, outcome, tell.progress)
        except MapmedicError as error:
            return replace(
                planned, state=when_applied(error), why=str(error), exit_code=error.exit_code,
                journal_path=error.journal_path,
            )  # fmt: skip
        except ProofCutShort as stop:
            said = ("it was fixed, and is not to be fixed again", *getattr(stop, "__notes__", ()))
            return replace(
                planned, state=TargetState.CUT_SHORT, why="; ".join(said), exit_code=PROOF_FAILED_EXIT_CODE
            )
        except KeyboardInterrupt as stop:
            why = "; ".join(getattr(stop, "__notes__", ())) or "interrupted before anything was done"
            return replace(planned, state=TargetState.INTERRUPTED, why=why, exit_code=INTERRUPTED_EXIT_CODE)
        return _done(planned, outcome)

    def _look_after(self, target: RolloutTarget, outcome: Outcome, progress: Progress) -> Outcome:
        """Return ``outcome`` with how the service fared since; it was fixed, even if somebody wants us to end now."""
        try:
            return self._hands.look_after(target, outcome, progress)
        except KeyboardInterrupt:
            self._tell.stop.set()
            return outcome

    def _progress(self, ring: Ring, target: RolloutTarget, what: str, share: float) -> None:
        where = f"ring {ring.number}/{len(self._order.rings)}, target {self._places[target.target]}/{len(self.results)}"
        self._tell.progress(f"{where}: {what}", share)

    def _settle(self, result: TargetResult) -> None:
        self.results[result.target] = result
        self._record.target_ended(result)
        self._tell.ended(result)

    def _bake(self, ring: Ring) -> str | None:
        """Watch what this run has fixed so far; return what is amiss."""
        fixed = {name: each.outcome for name, each in self.results.items() if each.outcome}
        if not fixed:
            return None
        self._record.bake_begins(ring.number, self._order.bake_seconds)
        known = [health for outcome in fixed.values() for health in outcome.health]
        try:
            seen = self._hands.bake(known, self._order.bake_seconds, self._tell.stop, self._tell.progress)
        except KeyboardInterrupt:
            self._tell.stop.set()
            seen = ()
        bad = {each.url: f"{each.url}: {each.unwell}" for each in seen if not each.well}
        complaints = {name: self._complaint(name, fixed[name], bad) for name in fixed}
        told = {name: why for name, why in complaints.items() if why}
        self._record.bake_ended(ring.number, tuple(told.values()))
        for name, why in told.items():
            self._settle(
                replace(
                    self.results[name], state=TargetState.UNWELL, why=why, exit_code=PROOF_FAILED_EXIT_CODE
                )
            )
        if told:
            name, why = next(iter(told.items()))
            return f"{name}: {why}"
        return INTERRUPTED if self._tell.stop.is_set() else None

    def _complaint(self, name: str, outcome: Outcome, bad: Mapping[str, str]) -> str | None:
        for health in outcome.health:
            if health.url in bad:
                return bad[health.url]
        target = self._order.targets[self._places[name] - 1]
        try:
            goes_on = self._lives[name].goes_on_in(self._hands.life(target))
        except MapmedicError as error:
            return f"after the fix it cannot be reached: {error}"
        return None if goes_on else "it ended after the fix: what runs there now is another process"


def _done(planned: TargetResult, outcome: Outcome) -> TargetResult:
    proof = outcome.proof
    unwell = [f"{each.url}: {each.unwell}" for each in outcome.health if not each.well]
    if unwell:
        return replace(
            planned, state=TargetState.UNWELL, why="; ".join(unwell), exit_code=PROOF_FAILED_EXIT_CODE,
            journal_path=outcome.journal_path, outcome=outcome,
        )  # fmt: skip
    if proof is not None and proof.passed:
        return replace(
            planned, state=TargetState.PROVED, why="", journal_path=outcome.journal_path, outcome=outcome
        )
    failed = [each for each in (proof.checks if proof else ()) if each.decides and not each.passed]
    why = "; ".join(f"{each.name}: {each.why}" for each in failed) or "nothing could be measured"
    return replace(
        planned, state=TargetState.NOT_PROVED, why=why, exit_code=PROOF_FAILED_EXIT_CODE,
        journal_path=outcome.journal_path, outcome=outcome,
    )  # fmt: skip
