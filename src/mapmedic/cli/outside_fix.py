"""mapmedic hotfix PID: a process without an agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mapmedic import api
from mapmedic.cli.hotfix_pages import Pages
from mapmedic.cli.output import ProgressBar
from mapmedic.cli.outside_options import OutsideWish
from mapmedic.cli.struct_options import What
from mapmedic.errors import UsageError
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.remedy import FixPlan, Outcome

# What `hotfix` takes without --within: no need to say it again.
_USUAL_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What the user asks for."""

    target: str
    what: What
    strategy: str | None
    where: tuple[EvictCondition, ...]
    field_where: tuple[tuple[str, EvictCondition], ...]
    wish: OutsideWish
    journal: Path | None
    no_backup: bool
    keep_memory: bool
    expect_drop: float | None
    within_seconds: float


def fix_outside(ask: Ask, pages: Pages, *, apply_it: bool) -> int:
    """Show the plan, with ``apply_it`` carry it out; return the exit code."""
    request = outside_request(ask)
    with ProgressBar() as progress:
        fix = api.plan_outside(ask.target, request, progress, ask.wish.reviewed)
    return _show(ask, pages, fix.plan, partial(api.apply_outside, fix) if apply_it else None)


def call_function(ask: Ask, pages: Pages, *, apply_it: bool) -> int:
    """As ``fix_outside``, of a call of a function."""
    request = api.CallRequest(
        function=ask.what.name,
        locks=ask.wish.locks,
        return_memory=not ask.keep_memory,
        wait_ms=ask.wish.wait_seconds * 1e3,
        limit_ms=ask.what.limit_seconds * 1e3,
        journal_folder=ask.journal,
    )
    fix = api.plan_call(ask.target, request)
    return _show(ask, pages, fix.plan, partial(api.apply_call, fix) if apply_it else None)


def _said_beside(ask: Ask) -> tuple[str, ...]:
    """Return the options that were given and of which the plan does not know."""
    said: list[str] = []
    if ask.journal is not None:
        said += ["--journal", str(ask.journal)]
    if ask.wish.reviewed is not None:
        said += ["--plan", str(ask.wish.reviewed)]
    if ask.expect_drop is not None:
        said += ["--expect-drop", f"{ask.expect_drop:g}"]
    if ask.within_seconds != _USUAL_WITHIN_SECONDS:
        said += ["--within", f"{ask.within_seconds:g}s"]
    return tuple(said)


def _show(ask: Ask, pages: Pages, plan: FixPlan, apply: Callable[..., Outcome] | None) -> int:
    """Show ``plan``, and what ``apply`` makes of it; None where it is to be shown only."""
    replace(pages, more=_said_beside(ask)).announce(plan, offer=apply is None)
    if apply is None:
        return pages.planned(plan)
    with ProgressBar() as progress:
        outcome = apply(drop=ask.expect_drop, within_seconds=ask.within_seconds, progress=progress)
    return pages.applied(outcome)


def outside_request(ask: Ask) -> api.OutsideRequest:
    """Return what is asked of a process; UsageError where it needs the agent."""
    _require_way(ask)
    wish = ask.wish
    return api.OutsideRequest(
        map=ask.what.name,
        fields=ask.what.fields,
        strategy=ask.strategy or "reset",
        where=ask.where,
        field_where=ask.field_where,
        locks=api.LockWish(wish.locks, wish.no_lock_known),
        return_memory=not ask.keep_memory,
        backup=not ask.no_backup,
        redacted=wish.redact,
        budget_ms=wish.max_stop_ms,
        limit_ms=wish.wait_seconds * 1e3,
        watches_locks=not wish.no_watch,
        journal_folder=ask.journal,
    )


def _require_way(ask: Ask) -> None:
    if bool(ask.where or ask.field_where) != (ask.strategy == "evict"):
        raise UsageError("--strategy evict and --where go together")
    if ask.strategy not in (None, "reset", "clear", "evict"):
        raise UsageError(
            f"--strategy {ask.strategy} needs the agent; a process without it takes reset (the default), clear or evict"
        )
