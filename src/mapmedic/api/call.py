"""Have a function of a process's own called: the plan, then the call with journal and proof."""

from __future__ import annotations

from mapmedic.api.journaled import journaled
from mapmedic.capture.inventory import process_id
from mapmedic.capture.record import Progress
from mapmedic.capture.targets import parse_target
from mapmedic.model.remedy import Outcome
from mapmedic.remedy.outside import call_apply, call_plan
from mapmedic.remedy.outside.call_plan import CallRequest, PreparedCall
from mapmedic.remedy.plan import require_ready


def plan_call(target: str, request: CallRequest) -> PreparedCall:
    """Return what a call of a function in the process ``target`` (pid:N, N) would do and risk; nothing is changed."""
    return call_plan.plan_call(process_id(parse_target(target)), request)


def apply_call(
    fix: PreparedCall,
    *,
    drop: float | None = None,
    within_seconds: float = 30.0,
    progress: Progress | None = None,
) -> Outcome:
    """Make the call of ``fix`` and return what became of it, with its proof; journal first.

    Refused means that nothing was called. That it panicked or still runs is in the outcome, and fails the proof.
    ``drop`` is the share by which RSS must fall, None for no bar.
    """
    require_ready(fix.plan)
    tell = progress or (lambda _what, _share: None)
    with journaled(fix.call.journal_folder, fix.call.function) as journal:
        return call_apply.apply_call(fix, journal, drop, within_seconds, tell)
