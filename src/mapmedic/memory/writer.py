"""The only thing that writes into a target: plain bytes, within one page each, while it stands still."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable, WriteRefused
from mapmedic.memory.stop import Stop
from mapmedic.model.change import Change

# What the window says -> why nothing was written.
_WHY = {
    "changed": "something else lies there than was read",
    "not_whole": "it does not lie within one page, so that our death could leave half of it",
    "too_slow": "the time that the process may stand still was up",
}


def write_changes(stop: Stop, changes: Sequence[Change]) -> None:
    """Make ``changes`` in their order while ``stop`` lasts; each is made whole or not at all, whenever we are killed.

    WriteRefused, with nothing written, where one does not find its ``old``, crosses a page, or the time is up;
    ProcessUnreadable where the process ended or the kernel broke off between two of them.
    """
    try:
        stop.held.write([(each.address, each.old, each.new) for each in changes])
    except _native.WindowFailed as error:
        kind, number, _ = error.args
        if kind in _WHY:
            address = changes[0].address if kind == "too_slow" else number
            raise WriteRefused(stop.pid, address, _WHY[kind], kind) from error
        raise ProcessUnreadable(stop.pid, "it could not be written to", "ended") from error
