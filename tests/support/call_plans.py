"""A plan for a call of a function, as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapmedic.model.call import CallPlan
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.remedy.outside.call_risks import risks_of


def call_plan(said: str = "main.hotfixClear", **changes: Any) -> CallPlan:
    """Return one; ``said`` is what every text of the target in it says."""
    plan = CallPlan(
        pid=1234, started_ticks=99, program=said, build_id="b", go_version="go1.27.3", function=said, address=0x4000,
        file=said, line=7, locks=(), other_locks=False, risks=risks_of((), other_locks=False), wait_ms=10_000.0,
        limit_ms=10_000.0, collections=3, journal_folder="/journal",
    )  # fmt: skip
    return replace(plan, **changes)


def call_fix_plan(said: str = "main.hotfixClear", **changes: Any) -> FixPlan:
    """Return the whole plan around one; ``changes`` are of the call."""
    return FixPlan(
        "pid:1234", said, "function", "func()", "call", None, (said,), (Condition(said, True, said),), said, (said,), 0,
        return_memory=True, call=call_plan(said, **changes),
    )  # fmt: skip
