"""What became of a call of a function, in a sentence."""

from __future__ import annotations

from mapmedic.model.call import CallDone, CallEnd, CallPlan
from mapmedic.model.remedy import FixPlan
from mapmedic.report.figures import duration_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert

_NS_PER_MS = 1e6
# What `hotfix --call` takes without --wait and --call-limit.
_USUAL_WAIT_MS, _USUAL_LIMIT_MS = 10_000.0, 10_000.0


def call_done_text(function: str, done: CallDone) -> str:
    """Return in a sentence what became of a call."""
    name, took = inert(function, SHOWN_LIMIT), duration_text(done.ran_ms * _NS_PER_MS)
    if done.end is CallEnd.RETURNED:
        return f"{name} was called while the service ran, and came back after {took}."
    if done.end is CallEnd.PANICKED:
        said = inert(done.panic or "", WHOLE_LIMIT)
        return (
            f"{name} was called and panicked after {took}: {said}. The panic was caught, the process goes on."
        )
    if done.end is CallEnd.RUNNING:
        return (
            f"{name} was called and still runs after {took}. The guardian, process {done.guardian}, waits for it: if "
            "it is killed the program dies."
        )
    return f"{name} was called, and the thread that it ran on or the guardian ended before it came back."


def call_words(plan: FixPlan, call: CallPlan) -> list[str]:
    """Return the command that shows ``plan``, word by word; with --apply it carries it out."""
    words = ["mapmedic", "hotfix", str(call.pid), "--call", call.function]
    for lock in call.locks:
        if lock.evidence == "--lock":
            words += ["--lock", f"{lock.address:#x}:{lock.kind.removeprefix('sync.')}"]
    if call.wait_ms != _USUAL_WAIT_MS:
        words += ["--wait", f"{call.wait_ms / 1e3:g}s"]
    if call.limit_ms != _USUAL_LIMIT_MS:
        words += ["--call-limit", f"{call.limit_ms / 1e3:g}s"]
    if not plan.return_memory:
        words.append("--keep-memory")
    return words
