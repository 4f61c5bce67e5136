"""What stops a roll-out, and what only leaves a target out.

Left out is a target that said no before anything was touched: it cannot be reached or looked at, it has no such map, a
condition does not hold, its agent refuses, no moment was safe. All else says something of what the fix does to a
service, or of the place where its journal and its backup go: the next target would meet it as well.
"""

from __future__ import annotations

from mapmedic.errors import (
    AgentRefused,
    AmbiguousName,
    CouldNotLook,
    JournalUnwritable,
    MapmedicError,
    NoSafeMoment,
    NotAuthorized,
    PreflightFailed,
    Refused,
    UnknownMap,
    UnknownOwner,
    UnknownStruct,
    UnwellBefore,
    WriteRefused,
)
from mapmedic.model.rollout import TargetState

_LEFT_OUT_WHEN_PLANNED = (CouldNotLook, Refused, UnknownMap, UnknownOwner, UnknownStruct, AmbiguousName)
_LEFT_OUT_WHEN_APPLIED = (PreflightFailed, NotAuthorized, NoSafeMoment, WriteRefused)
# The agent did not get the map's lock.
_BUSY = 503


def when_planned(error: MapmedicError) -> TargetState:
    """Return what an error of planning makes of its target: skipped or failed."""
    return TargetState.SKIPPED if isinstance(error, _LEFT_OUT_WHEN_PLANNED) else TargetState.FAILED


def when_applied(error: MapmedicError) -> TargetState:
    """Return what an error of applying makes of its target: skipped where it is known to be untouched, else failed.

    A service that is unwell before it is fixed stops the roll-out: those fixed before it may have done that.
    """
    if isinstance(error, UnwellBefore | JournalUnwritable):
        return TargetState.FAILED
    if isinstance(error, AgentRefused):
        untouched = error.status < 500 or error.status == _BUSY
        return TargetState.SKIPPED if untouched else TargetState.FAILED
    return TargetState.SKIPPED if isinstance(error, _LEFT_OUT_WHEN_APPLIED) else TargetState.FAILED
