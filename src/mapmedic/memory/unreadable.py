"""What a window on a process says when it cannot be had, in words."""

from __future__ import annotations

import errno
import os

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.access import not_permitted
from mapmedic.memory.process import ProcessFacts

# What the window says -> (what to say, the cause).
_WORDS = {
    "gone": ("it ended while it was looked at", "ended"),
    "no_room": ("the place meant for a few bytes of code is not free", "no_room"),
    "no_watchpoint": ("the kernel gives no watchpoint on its threads", "no_watchpoint"),
    "other_machine": ("a thread of it runs no 64-bit x86 code", "other_machine"),
}
# include/linux/errno.h, ERESTARTNOINTR: the kernel would make the call again; os.strerror does not know it.
_CALL_AGAIN = 513
# clone(2), ERRORS.
_NO_FORK = {
    errno.EAGAIN: (
        "it may have no more processes (pids.max of its cgroup, RLIMIT_NPROC of its user)",
        "no_process",
    ),
    errno.ENOMEM: ("the kernel has no memory for the fork of a copy", "no_memory"),
    _CALL_AGAIN: ("something that cannot be blocked keeps breaking the fork of a copy off", "other"),
}


def is_late(failed: Exception) -> bool:
    """Tell whether it was given up because its time was up."""
    return isinstance(failed, TimeoutError) or failed.args[0] == "too_slow"


def fork_refusal(failed: Exception) -> tuple[str, str] | None:
    """Return (words, cause) where the kernel refused the process a fork; None where it is something else."""
    if not isinstance(failed, _native.WindowFailed) or failed.args[0] != "call_refused":
        return None
    number = failed.args[1]
    return _NO_FORK.get(number, (f"the kernel refuses it a fork: {os.strerror(number)}", "other"))


def why_unreadable(
    pid: int, facts: ProcessFacts, error: _native.WindowFailed, max_pause_ms: float
) -> ProcessUnreadable:
    """Return what to say of a window on ``pid`` that could not be had within ``max_pause_ms``."""
    kind, number, doing = error.args
    if kind == "not_permitted":
        return not_permitted(pid, facts)
    if is_late(error):
        return too_slow(pid, max_pause_ms)
    no_fork = fork_refusal(error)
    if no_fork is not None:
        return ProcessUnreadable(pid, *no_fork)
    words, cause = _WORDS.get(kind, (f"{doing or kind} failed", "other"))
    reason = f": {os.strerror(number)}" if kind in ("kernel", "no_watchpoint") else ""
    return ProcessUnreadable(pid, words + reason, cause)


def too_slow(pid: int, max_pause_ms: float) -> ProcessUnreadable:
    """Return what to say of ``pid`` where the time it may stand still was up."""
    why = f"it could not be read within a pause of {max_pause_ms:g} ms"
    return ProcessUnreadable(pid, why, "too_slow")
