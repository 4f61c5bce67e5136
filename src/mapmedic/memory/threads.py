"""The threads of a process that stood still."""

from __future__ import annotations

from mapmedic import _native
from mapmedic.memory.process import thread_ids_inside
from mapmedic.memory.reader import Address, ThreadState


def threads_of(held: _native.Held, pid: int, *, is_elsewhere: bool = True) -> tuple[ThreadState, ...]:
    """Return the threads of process ``pid`` as they stood in ``held``, each by the id that the process knows it by.

    ``is_elsewhere``: it may be in a PID namespace of its own.
    """
    states = held.threads()
    inside = thread_ids_inside(pid, (each[0] for each in states)) if is_elsewhere else {}
    return tuple(
        ThreadState(inside.get(thread, thread), Address(sp), Address(ip), tuple(rest))
        for thread, sp, ip, rest in states
    )
