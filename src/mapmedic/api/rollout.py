"""Fix one map in many targets: one first, the others in rings, each exactly as a single fix is made."""

from __future__ import annotations

from dataclasses import replace

from mapmedic.api.rollout_hands import Hands
from mapmedic.api.rollout_request import RolloutRequest
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.rollout import Rollout, TargetResult
from mapmedic.remedy.journal import Journal, default_folder
from mapmedic.remedy.rollout.record import Record, done_before
from mapmedic.remedy.rollout.rings import split_into_rings
from mapmedic.remedy.rollout.run import Listener, Order, Run, plan_all


def plan_rollout(
    request: RolloutRequest,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    listener: Listener | None = None,
) -> Rollout:
    """Return the plan of every target and the ring it is in; nothing is changed."""
    rings = split_into_rings(request.sizes, len(request.targets))
    earlier = done_before(request.resume, request.fix) if request.resume else {}
    order = Order(request.targets, rings, request.bake_seconds, earlier)
    hands = Hands(request, token, connection)
    return _rollout(request, order, plan_all(order, hands, listener or Listener()), applied=False)


def apply_rollout(
    request: RolloutRequest,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    listener: Listener | None = None,
) -> Rollout:
    """Fix target after target, ring after ring, and stop where something went wrong; journal first.

    What goes wrong with a target is in its result, not an error. Errors are those of the journal, before anything is
    done.
    """
    rings, listener = split_into_rings(request.sizes, len(request.targets)), listener or Listener()
    journal = Journal.go_on(request.resume) if request.resume else _new_journal(request)
    try:
        # With the journal held: nobody adds to what is read of it.
        earlier = done_before(request.resume, request.fix) if request.resume else {}
        order, record = Order(request.targets, rings, request.bake_seconds, earlier), Record(journal)
        record.begin(request.fix, len(order.targets), _said(request), resumed=request.resume is not None)
        run = Run(order, Hands(request, token, connection), record, listener)
        why = run.go()
    finally:
        journal.close()
    done = _rollout(request, order, tuple(run.results.values()), applied=True)
    return replace(done, stopped=why, interrupted=run.was_interrupted, journal_path=record.path)


def _new_journal(request: RolloutRequest) -> Journal:
    return Journal(request.fix.journal_folder or default_folder(), f"rollout-{request.fix.map}")


def _said(request: RolloutRequest) -> str:
    return ",".join(size.text for size in request.sizes)


def _rollout(
    request: RolloutRequest, order: Order, results: tuple[TargetResult, ...], *, applied: bool
) -> Rollout:
    fix = request.fix
    return Rollout(fix.map, fix.strategy, applied, order.rings, request.bake_seconds, results)
