"""What a window on a process says when it cannot be had, in words."""

from __future__ import annotations

import os

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.access import not_permitted
from mapmedic.memory.process import ProcessFacts

# What the window says -> (what to say, the cause).
_WORDS = {
    "gone": ("it ended while it was looked at", "ended"),
    "no_room": ("the place meant for a few bytes of code is not free", "no_room"),
    "other_machine": ("a thread of it runs no 64-bit x86 code", "other_machine"),
    "call_refused": ("it may not fork", "no_memory"),
}


def why_unreadable(
    pid: int, facts: ProcessFacts, error: _native.WindowFailed, max_pause_ms: float
) -> ProcessUnreadable:
    """Return what to say of a window on ``pid`` that could not be had within ``max_pause_ms``."""
    kind, number, doing = error.args
    if kind == "not_permitted":
        return not_permitted(pid, facts)
    if kind == "too_slow":
        return too_slow(pid, max_pause_ms)
    words, cause = _WORDS.get(kind, (f"{doing or kind} failed", "other"))
    reason = f": {os.strerror(number)}" if kind in ("call_refused", "kernel") else ""
    return ProcessUnreadable(pid, words + reason, cause)


def too_slow(pid: int, max_pause_ms: float) -> ProcessUnreadable:
    """Return what to say of ``pid`` where the time it may stand still was up."""
    why = f"it could not be read within a pause of {max_pause_ms:g} ms"
    return ProcessUnreadable(pid, why, "too_slow")
