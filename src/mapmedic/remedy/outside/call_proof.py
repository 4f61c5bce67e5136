"""Whether a call from outside did what it was made for: the function came back, the process runs on, RSS fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapmedic.model.call import CallDone, CallEnd
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Check, Proof
from mapmedic.remedy.figures import relative_change
from mapmedic.remedy.proof import Criteria, prove

# Without a bar the memory is only told: what comes back after three collections has come back by then.
_TOLD_AFTER_SECONDS = 3.0
_NOT_KNOWN = "nobody knows what the function frees: without --expect-drop it is only told"


def is_enough(
    before: MemoryPoint, now: MemoryPoint, drop: float | None, passed_seconds: float, within_seconds: float
) -> bool:
    """Tell whether the memory need not be watched any longer."""
    if drop is None:
        return passed_seconds >= min(_TOLD_AFTER_SECONDS, within_seconds)
    change = relative_change(before.rss_bytes, now.rss_bytes)
    return passed_seconds >= within_seconds or (change is not None and change <= -drop)


def prove_call(
    before: MemoryPoint, timeline: Sequence[MemoryPoint], done: CallDone, drop: float | None, within_seconds: float,
    unmended: str = "",
) -> Proof:  # fmt: skip
    """Return the proof; no ``timeline``: the process has ended. ``unmended``: what was left changed, in a sentence."""
    criteria = Criteria(rss_drop=drop or 0.0, heap_drop=drop or 0.0, within_seconds=within_seconds)
    runs_on = Check(
        "process_runs", None, None, None, None, bool(timeline),
        "it goes on" if timeline else "the process has ended since",
    )  # fmt: skip
    proof = prove(before, timeline, None, criteria, [_call_check(done), runs_on, *_left(unmended)])
    # Of a process whose heap nobody looks at there is no figure for it.
    checks = tuple(_weighed(each, drop) for each in proof.checks if each.name != "heap_alloc_bytes")
    passed = not any(each.decides and not each.passed for each in checks)
    return Proof(passed, checks, () if passed else _next_steps(done))


def _call_check(done: CallDone) -> Check:
    why = {
        CallEnd.RETURNED: "it came back",
        CallEnd.PANICKED: f"it panicked: {done.panic}",
        CallEnd.RUNNING: f"it still runs; the guardian, process {done.guardian}, waits for it: do not kill it",
        CallEnd.LOST: "the thread that it ran on, or the guardian, ended before it came back",
    }[done.end]
    passed = done.end is CallEnd.RETURNED and done.is_let_go
    if done.end is CallEnd.RETURNED and not done.is_let_go:
        why = (
            f"it came back, but the thread was not seen to be let go; the guardian is process {done.guardian}"
        )
    return Check("function_returned", None, None, None, None, passed, why)


def _left(unmended: str) -> list[Check]:
    return [Check("collector_restored", None, None, None, None, False, unmended)] if unmended else []


def _weighed(check: Check, drop: float | None) -> Check:
    if check.name == "rss_bytes" and drop is None:
        return replace(check, decides=False, threshold=None, why=_NOT_KNOWN)
    return check


def _next_steps(done: CallDone) -> tuple[str, ...]:
    if done.end is CallEnd.RUNNING:
        return (
            "wait: it ends by itself or not at all; the service's own goroutine dump shows what it waits for",
        )
    return ("see what is in the process's maps now: mapmedic heap PID",)
