"""What a call of a function from outside risks, in plain words: the plan's, for whoever decides on it."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.model.call import CallPlan
from mapmedic.model.map_lock import MapLock

_GUARDIAN = (
    "if the guardian (a process of its own that makes the call, and outlives this command) is killed while the "
    "function runs, the program dies: the runtime traps (INT3) when the function ends, and a trap that nobody takes "
    "is SIGTRAP. Killing this command is no such risk"
)
_LIVE = (
    "the function runs while all other threads run: it has to be safe to be called at any time, as by a handler of the "
    "program's own"
)
_NO_WAY_BACK = (
    "a call under way cannot be taken back: after the limit it is only told that it still runs, and the guardian waits "
    "on; until the function has come back the goroutine that was interrupted for it stands still, and so does whoever "
    "waits for that one"
)
_ENDS = (
    "a panic of the function is caught and told, and what it has half done stays so; what cannot be caught (a fatal "
    "error such as concurrent map writes, os.Exit) ends the program, and runtime.Goexit leaves the goroutine that was "
    "interrupted waiting for good"
)
_UNKNOWN = "nobody knows what the function does: no entry is saved, and nothing counts what it takes out"
_DEADLOCK = (
    "if the goroutine that is interrupted for it holds a lock that the function waits for, both wait for good"
)


def risks_of(locks: Sequence[MapLock], *, other_locks: bool) -> tuple[str, ...]:
    """Return them, the gravest first."""
    return (
        _GUARDIAN,
        f"{_DEADLOCK}. {_locks_text(locks, other_locks=other_locks)}",
        _NO_WAY_BACK,
        _LIVE,
        _ENDS,
        _UNKNOWN,
    )


def _locks_text(locks: Sequence[MapLock], *, other_locks: bool) -> str:
    free = ", ".join(f"the {each.kind} at {each.address:#x}" for each in locks)
    asked = f"So one is taken only while nobody holds {free}" if locks else ""
    if other_locks:
        more = "It takes locks that are not global variables, which are not asked for: name them (--lock ADDRESS:Mutex)"
        return f"{asked}. {more}" if asked else more
    if not locks:
        return "Its code is not seen to take a lock; one behind an interface or a closure would not be seen"
    return f"{asked}; one behind an interface or a closure would not be seen"


def steps_of(call: CallPlan) -> tuple[str, ...]:
    """Return what would be done, in order."""
    collect = f"force {call.collections} collections, and watch RSS" if call.collections else "watch RSS"
    return (
        "write the journal, on the disk before anything else",
        "start the guardian, which looks for a thread that runs the program's own Go code, at a place where the "
        f"runtime allows a call (it is asked); for {call.wait_ms / 1e3:g} s at most",
        f"have runtime.debugCallV2 call {call.function} there, the whole process running meanwhile; signals for the "
        "thread are passed on",
        "put the thread's registers back as they were and let it go",
        collect,
    )


def pause_of(call: CallPlan) -> str:
    """Return what stands still, and for how long."""
    return (
        "the process is never stopped as a whole: one thread at a time stands still for well under a millisecond to be "
        f"looked at, and one goroutine for as long as {call.function} runs"
    )
