"""Fix a map in a process that has no agent: the plan, then the fix with journal and proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mapmedic.api.journaled import journaled
from mapmedic.capture.inventory import process_id
from mapmedic.capture.record import Progress
from mapmedic.capture.targets import TargetKind, parse_target
from mapmedic.errors import PreflightFailed, UnknownOwner, UnknownStruct
from mapmedic.model.remedy import Outcome
from mapmedic.remedy.outside import apply as outside_apply
from mapmedic.remedy.outside import plan as outside_plan
from mapmedic.remedy.outside.plan import OutsideRequest, PreparedFix
from mapmedic.remedy.outside.reviewed import read_reviewed
from mapmedic.remedy.outside.struct_plan import plan_struct
from mapmedic.remedy.plan import require_ready
from mapmedic.report.redaction import Redaction


def is_process(target: str) -> bool:
    """Tell whether ``target`` names a process on this machine; UsageError where it names nothing."""
    return parse_target(target).kind is TargetKind.PROCESS


def plan_outside(
    target: str, request: OutsideRequest, progress: Progress | None = None, reviewed: Path | None = None
) -> PreparedFix:
    """Return what a fix of a map in the process ``target`` (pid:N, N) would do, its conditions looked at now.

    Nothing is changed; the process is looked into, and stopped for some milliseconds now and then.
    PreflightFailed where it is another program, process or map than that of the plan in the file ``reviewed``, or is
    to be done in another way.
    """
    agreed = read_reviewed(reviewed) if reviewed else None
    plan = outside_plan.plan_outside if request.fields is None else plan_struct
    try:
        fix = plan(process_id(parse_target(target)), request, progress)
    except (UnknownOwner, UnknownStruct) as error:
        if agreed is None:
            raise
        raise PreflightFailed((f"what the plan is for is not there any more: {error}",)) from error
    if agreed is not None:
        agreed.require_same(fix.plan)
    return _redacted(fix) if request.redacted else fix


def _redacted(fix: PreparedFix) -> PreparedFix:
    """Return ``fix`` with nothing of what keys say in its plan, which goes into the journal and the outcome too."""
    redaction = Redaction()
    outside = redaction.plan(fix.outside)
    notes = tuple(map(redaction.path, fix.plan.notes))
    conditions = tuple(replace(each, why=redaction.path(each.why)) for each in fix.plan.conditions)
    name = redaction.path(fix.plan.map)
    where = tuple(map(redaction.condition, fix.plan.where))
    plan = replace(fix.plan, map=name, notes=notes, conditions=conditions, where=where, outside=outside)
    return replace(fix, plan=plan, outside=outside)


def apply_outside(
    fix: PreparedFix,
    *,
    drop: float | None = None,
    within_seconds: float = 30.0,
    progress: Progress | None = None,
) -> Outcome:
    """Carry out ``fix`` and return what it did, with its proof; journal first.

    Refused leaves the process as it was. A failed proof is in the outcome, not an error: the map was changed.
    ``drop`` is the share by which RSS and heap must fall, by default 40 % of what the map held of them.
    """
    require_ready(fix.plan)
    tell = progress or (lambda _what, _share: None)
    course = outside_apply.Course()
    with journaled(fix.outside.journal_folder, fix.plan.map) as journal:
        try:
            return outside_apply.apply_outside(fix, journal, course, drop, within_seconds, tell)
        except KeyboardInterrupt as stop:
            stop.add_note(course.words)
            raise
