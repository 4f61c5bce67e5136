"""Have a function of a process's own called by the runtime's protocol for debuggers, and hear how that goes.

A process of our own that outlives us makes the call (``native/src/process/call``). Only ``remedy`` may import this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.unreadable import why_unreadable
from mapmedic.model.call import CallSite

# The runtime may not like the place where a goroutine stands, or what it stands in; each answer costs it two traps.
_MOST_TRIES = 200
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class CallWord:
    """What is said of a call: looking, called, returned, panicked, done, refused or lost, and what goes with it.

    ``number`` is a process, a thread or, of a panic, the type of its value; ``text`` why it is refused, or what the
    value says.
    """

    what: str
    number: int
    text: str


def begin_call(
    pid: int, facts: ProcessFacts, site: CallSite, wait_ms: float
) -> Callable[[float], CallWord | None]:
    """Have the function of ``site`` called in process ``pid``; a thread for that is looked for ``wait_ms``.

    What is returned waits so many seconds for the next word on it, None for none. It raises ProcessUnreadable where the
    guardian has ended, or no thread may be traced. Forgetting it ends the search, and nothing after that.
    """
    try:
        call = _native.call_function(
            pid,
            (site.function, site.debug_call, list(site.speakers), list(site.may_interrupt)),
            site.places,
            list(site.free),
            (int(wait_ms * _NS_PER_MS), _MOST_TRIES),
        )
    except _native.WindowFailed as error:
        raise why_unreadable(pid, facts, error, wait_ms) from error

    def hear(seconds: float) -> CallWord | None:
        try:
            said = call.hear(int(seconds * 1e9))
        except _native.WindowFailed as error:
            if error.args[0] == "gone":
                raise ProcessUnreadable(
                    pid, "it has ended, or the guardian that was to watch the call", "ended"
                ) from error
            raise why_unreadable(pid, facts, error, wait_ms) from error
        return CallWord(said[0], said[1], said[2].decode("utf-8", "replace")) if said else None

    return hear
