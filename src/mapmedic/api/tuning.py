"""Show and set what steers the collector of a running process."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.inventory import process_id
from mapmedic.capture.targets import parse_target
from mapmedic.model.tuning import TuneOutcome, TunePlan, TuneRequest
from mapmedic.remedy import tuning, tuning_apply, tuning_revert
from mapmedic.remedy.forced_gc import Progress
from mapmedic.remedy.journal import Journal, default_folder


def plan_tuning(target: str, request: TuneRequest) -> TunePlan:
    """Return what ``request`` would set in the process ``target`` (pid:N, N), and what its collector says now."""
    return tuning.plan_tuning(process_id(parse_target(target)), request)


def plan_revert(target: str, journal: Path) -> TunePlan:
    """Return what would put the process ``target`` back as it was before what ``journal`` tells of."""
    return tuning_revert.plan_revert(process_id(parse_target(target)), journal)


def apply_tuning(
    plan: TunePlan,
    *,
    journal_folder: Path | None = None,
    within_seconds: float = 30.0,
    progress: Progress | None = None,
) -> TuneOutcome:
    """Carry out ``plan``; journal first. PreflightFailed or WriteRefused leave everything as it was.

    Forced collections may take ``within_seconds``.
    """
    journal = Journal(journal_folder or default_folder(), f"tune-{plan.pid}")
    try:
        tell = progress or (lambda _what, _share: None)
        return tuning_apply.apply_tuning(plan, journal, within_seconds, tell)
    except KeyboardInterrupt as stop:
        stop.add_note(f"what was set, and what was put back, is in {journal.path}")
        stop.add_note("then: mapmedic tune PID, and mapmedic doctor")
        raise
    finally:
        journal.close()
