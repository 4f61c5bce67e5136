"""Write some words of a process in one stop of its own, tried again where its threads were slow to stop."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.errors import ProcessUnreadable, WriteRefused
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import started_ticks
from mapmedic.memory.stop import stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.change import Change

# For how long at most it may stand still, for what takes microseconds once its threads have stopped.
MAX_PAUSE_MS = 50.0
_TRIES = 10


def write_in_a_stop(pid: int, started: int, changes: Sequence[Change]) -> int:
    """Make ``changes`` in process ``pid``, which began at ``started`` ticks; return for how long it stood still, in ns.

    WriteRefused where something else lies there or it is another process by now, ProcessUnreadable where it ended or
    cannot be stopped: nothing was written. WriteUnknown where it may be there in part.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return _write(pid, started, changes)
        except (ProcessUnreadable, WriteRefused) as error:
            if not tries_left or error.cause != "too_slow":
                raise
    raise AssertionError("unreachable")


def _write(pid: int, started: int, changes: Sequence[Change]) -> int:
    facts = require_readable(pid)
    with stop(pid, facts, MAX_PAUSE_MS) as standing:
        # Standing still, it cannot end and have its number given to another.
        if started_ticks(pid) != started:
            raise WriteRefused(pid, changes[0].address, "it is another process by now")
        write_changes(standing, changes)
    return standing.pause_ns
