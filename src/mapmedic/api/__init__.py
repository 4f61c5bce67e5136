"""The library: what each command does, as a function.

    look     capture, observe, diagnose      inside   heap, heap_entries, heap_paths     change   diff
    fix      plan_fix, apply_fix             restore  plan_restore, apply_restore        proof    verify
    machine  examine_machine, examine_process, repair_left_overs, find_go
    journal  show_journal, export_entries, write_export
    tuning   plan_tuning, plan_revert, apply_tuning                   outside  plan_outside, apply_outside
    rollout  plan_rollout, apply_rollout

Everything here is synchronous and returns frozen model objects; errors are those of ``mapmedic.errors``. A name is
imported when first asked for: who diagnoses a saved file pays for no network and no remedy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mapmedic.api.change import diff
    from mapmedic.api.fix import apply_fix, plan_fix
    from mapmedic.api.inside import heap, heap_entries, heap_paths
    from mapmedic.api.journal import export_entries, show_journal, write_export
    from mapmedic.api.look import capture, diagnose, heap_change, is_live, observe, read_gc_log
    from mapmedic.api.machine import examine_machine, examine_process, repair_left_overs
    from mapmedic.api.outside import apply_outside, is_process, plan_outside
    from mapmedic.api.proof import verify
    from mapmedic.api.restore import apply_restore, plan_restore
    from mapmedic.api.rollout import apply_rollout, plan_rollout
    from mapmedic.api.rollout_request import RolloutRequest
    from mapmedic.api.tuning import apply_tuning, plan_revert, plan_tuning
    from mapmedic.capture.plan import CapturePlan
    from mapmedic.capture.record import Progress
    from mapmedic.capture.session_file import read_session
    from mapmedic.diagnose.owners import Source
    from mapmedic.diagnose.thresholds import Thresholds
    from mapmedic.model.connection import Connection
    from mapmedic.model.health import HealthBars
    from mapmedic.model.inventory import Limits
    from mapmedic.model.tuning import TuneRequest
    from mapmedic.remedy.conditions import parse_condition
    from mapmedic.remedy.outside.locks import LockWish
    from mapmedic.remedy.outside.plan import OutsideRequest, PreparedFix
    from mapmedic.remedy.plan import FixRequest
    from mapmedic.remedy.proof import Criteria, criteria_for
    from mapmedic.remedy.rollout.rings import parse_rings
    from mapmedic.remedy.rollout.run import Listener
    from mapmedic.remedy.rollout.targets import parse_targets
    from mapmedic.source.toolchain import GoToolchain, find_go

__all__ = [
    "CapturePlan", "Connection", "Criteria", "FixRequest", "GoToolchain", "HealthBars", "Limits", "Listener",
    "LockWish", "OutsideRequest", "PreparedFix", "Progress", "RolloutRequest", "Source", "Thresholds",
    "TuneRequest", "apply_fix", "apply_outside", "apply_restore", "apply_rollout", "apply_tuning", "capture",
    "criteria_for", "diagnose", "diff", "examine_machine", "examine_process", "export_entries", "find_go",
    "heap", "heap_change", "heap_entries", "heap_paths", "is_live", "is_process", "observe",
    "parse_condition", "parse_rings", "parse_targets", "plan_fix", "plan_outside", "plan_restore",
    "plan_revert", "plan_rollout", "plan_tuning", "read_gc_log", "read_session", "repair_left_overs",
    "show_journal", "verify", "write_export",
]  # fmt: skip

# Where each name is, for those who ask at run time; the imports above say it to the type checker.
_PLACES = {
    "mapmedic.api.call": ("apply_call", "plan_call"),
    "mapmedic.api.change": ("diff",),
    "mapmedic.api.fix": ("apply_fix", "plan_fix"),
    "mapmedic.api.journal": ("export_entries", "show_journal", "write_export"),
    "mapmedic.api.inside": ("heap", "heap_entries", "heap_paths"),
    "mapmedic.api.look": ("capture", "diagnose", "heap_change", "is_live", "observe", "read_gc_log"),
    "mapmedic.api.machine": ("examine_machine", "examine_process", "repair_left_overs"),
    "mapmedic.api.outside": ("apply_outside", "is_process", "plan_outside"),
    "mapmedic.api.proof": ("verify",),
    "mapmedic.api.rollout": ("apply_rollout", "plan_rollout"),
    "mapmedic.api.rollout_request": ("RolloutRequest",),
    "mapmedic.api.restore": ("apply_restore", "plan_restore"),
    "mapmedic.api.tuning": ("apply_tuning", "plan_revert", "plan_tuning"),
    "mapmedic.capture.plan": ("CapturePlan",),
    "mapmedic.capture.record": ("Progress",),
    "mapmedic.capture.session_file": ("read_session",),
    "mapmedic.diagnose.owners": ("Source",),
    "mapmedic.diagnose.thresholds": ("Thresholds",),
    "mapmedic.model.connection": ("Connection",),
    "mapmedic.model.health": ("HealthBars",),
    "mapmedic.model.inventory": ("Limits",),
    "mapmedic.model.tuning": ("TuneRequest",),
    "mapmedic.remedy.conditions": ("parse_condition",),
    "mapmedic.remedy.outside.call_plan": ("CallRequest", "PreparedCall"),
    "mapmedic.remedy.outside.locks": ("LockWish",),
    "mapmedic.remedy.outside.plan": ("OutsideRequest", "PreparedFix"),
    "mapmedic.remedy.plan": ("FixRequest",),
    "mapmedic.remedy.proof": ("Criteria", "criteria_for"),
    "mapmedic.remedy.rollout.rings": ("parse_rings",),
    "mapmedic.remedy.rollout.run": ("Listener",),
    "mapmedic.remedy.rollout.targets": ("parse_targets",),
    "mapmedic.source.toolchain": ("GoToolchain", "find_go"),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _PLACE_OF:
        return getattr(importlib.import_module(_PLACE_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
