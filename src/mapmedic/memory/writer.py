"""The only thing that writes into a target: plain bytes, within one page each, while it stands still."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable, WriteRefused, WriteUnknown
from mapmedic.memory.stop import Stop
from mapmedic.model.change import Change

# What the window says -> why nothing was written.
_WHY = {
    "changed": "something else lies there than was read",
    "not_whole": "it does not lie within one page, so that our death could leave half of it",
    "too_slow": "the time that the process may stand still was up, or left too little for the writes",
}
# What the window says -> why nobody knows what was.
_UNKNOWN = {
    "in_part": "the kernel broke off between two writes",
    "not_there": "read again in the same stop, something else lies there than was written",
    "unanswered": "who wrote for us, or the process, ended before it was said",
}


def write_changes(stop: Stop, changes: Sequence[Change]) -> None:
    """Make ``changes`` in their order while ``stop`` lasts; each is made whole or not at all, whenever we are killed.

    All of them are read again before this returns. WriteRefused, with nothing written, where one does not find its
    ``old``, crosses a page or lies on another, or the time that is left is too short; ProcessUnreadable, with nothing
    written, where the process ended or its memory may not be written. WriteUnknown where it may be there in part.
    """
    try:
        stop.held.write([(each.address, each.old, each.new) for each in changes])
    except _native.WindowFailed as error:
        kind, number, _ = error.args
        if kind in _WHY:
            address = changes[0].address if kind == "too_slow" else number
            raise WriteRefused(stop.pid, address, _WHY[kind], kind) from error
        if kind in _UNKNOWN:
            address = changes[0].address if kind == "unanswered" else number
            raise WriteUnknown(stop.pid, address, _UNKNOWN[kind]) from error
        raise ProcessUnreadable(stop.pid, "it could not be written to", "ended") from error
