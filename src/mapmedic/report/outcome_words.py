"""What a fix did, in plain sentences, and how its figures are shown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mapmedic.report.figures import (
    ABSENT,
    bytes_text,
    change_text,
    count_text,
    duration_text,
    finite,
    measured_text,
    percent_text,
)
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert

if TYPE_CHECKING:
    from mapmedic.model.backup import Backup
    from mapmedic.model.remedy import BackupPlan, Check, FixPlan, Outcome, Proof
    from mapmedic.model.report import Requests

_CHECK_NAMES = {
    "rss_bytes": "RSS",
    "heap_alloc_bytes": "HeapAlloc",
    "heap_baseline": "HeapAlloc against the baseline",
    "entries": "Entries in the map",
    "entries_kept": "Entries carried over",
    "gc_pause_p99": "GC pause, 99th percentile",
    "growth": "Growth of the heap",
    "gctrace_agrees": "The GC's log agrees",
    "same_process": "The same process",
}


def check_name(check: Check) -> str:
    """Return the name of a check as people say it."""
    return inert(_CHECK_NAMES.get(check.name, check.name), SHOWN_LIMIT)


def result_text(check: Check) -> str:
    """Return passed, FAILED, or noted: not known, or nothing that the verdict rests on."""
    if check.passed:
        return "passed"
    return "FAILED" if check.decides else "noted"


def next_of(plan: FixPlan) -> str | None:
    """Return what to do about the first condition that does not hold; None where there is no one thing."""
    failed = next((condition for condition in plan.conditions if not condition.holds), None)
    target = shlex.quote(inert(plan.target, WHOLE_LIMIT))
    steps = {
        "strategy": f"{_again(plan, 'swap')}   (the default, which works for nearly every map)",
        "lock": "again when the service is less busy, or --strategy evict for a part of the map",
        "entries": f"mapmedic diagnose {target} --for 60s",
        "one operation at a time": f"wait until it has ended (its hold is bounded), then again: {_again(plan)}",
        "room for the backup": f"{_again(plan)} --backup FILE, on a disk with room",
    }
    return steps.get(failed.name) if failed else None


def _again(plan: FixPlan, strategy: str | None = None) -> str:
    words = ["mapmedic", "hotfix", plan.target, "--map", plan.map, "--strategy", strategy or plan.strategy]
    return inert(" ".join(map(shlex.quote, words)), WHOLE_LIMIT)


def state_outcome(outcome: Outcome, requests: Requests | None = None) -> str:
    """Return in a few sentences what was done to the target, what it cost, and whether it worked."""
    name = inert(outcome.plan.map, SHOWN_LIMIT)
    if not outcome.applied:
        return f"Nothing was changed: the fix of {name} was planned, not applied."
    removed = f"{count_text(outcome.entries_removed)} entries left {name}"
    if outcome.entries_removed is None:
        removed = f"{name} was emptied"
    lock = (
        "" if outcome.pause_ns is None else f"; its lock was held {duration_text(outcome.pause_ns)} at most"
    )
    sentences = [f"Fixed while the service ran: {removed}{lock}.", _memory(outcome)]
    sentences += [state_proof(outcome.proof)]
    sentences += [state_requests(requests)] if requests else []
    return " ".join(filter(None, sentences))


def state_proof(proof: Proof | None) -> str:
    """Return whether a fix is proven."""
    if proof is None:
        return "Nobody checked whether it worked."
    decisive = [check for check in proof.checks if check.decides]
    failed = [check for check in decisive if not check.passed]
    if proof.passed:
        return f"Proof: {_of(len(decisive) - len(failed), len(decisive))} checks passed."
    names = ", ".join(check_name(check) for check in failed[:3]) or "nothing could be measured"
    return f"Not proven: {_of(len(failed), len(decisive))} checks failed ({names})."


def backup_plan_text(plan: BackupPlan) -> str:
    """Return where the entries would be saved, and what a file cannot hold of them."""
    where = plan.path or f"a new file in {plan.folder}"
    size = "" if plan.estimate_bytes is None else f", {bytes_text(plan.estimate_bytes)} reckoned with"
    text = f"before they are dropped the entries go to {where}{size}"
    if plan.lossless:
        where = ", for this process: after a restart it may not know the types" if plan.same_process else ""
        return inert(f"{text}; lossless{where}", WHOLE_LIMIT)
    return inert(f"{text}; LOSSY, it cannot be restored whole: {'; '.join(plan.losses)}", WHOLE_LIMIT)


def backup_text(backup: Backup) -> str:
    """Return what a backup holds."""
    loss = "lossless" if backup.header.lossless else f"LOSSY ({'; '.join(backup.header.losses)})"
    held = f"{count_text(backup.end.entries)} entries, {bytes_text(backup.bytes)}, checked; {loss}"
    return inert(held, WHOLE_LIMIT)


def state_requests(requests: Requests) -> str:
    """Return how the traffic fared through the fix."""
    if not requests.sent:
        return "No request was sent meanwhile."
    if not requests.failed:
        return f"None of {count_text(requests.sent)} requests failed."
    return f"{count_text(requests.failed)} of {count_text(requests.sent)} requests failed."


def relative_change(before: float | None, after: float | None) -> float | None:
    """Return the change from ``before`` to ``after`` as a share of ``before``; None where there is none."""
    first, last = finite(before), finite(after)
    if first is None or last is None or not first:
        return None
    return (last - first) / first


def threshold_text(check: Check) -> str:
    """Return a check's threshold: relative where it is a share of a change, else in the check's own unit."""
    threshold = finite(check.threshold)
    if threshold is None:
        return ""
    if check.change is not None and check.unit not in ("", "ratio", "share") and abs(threshold) <= 1:
        return change_text(threshold) if threshold < 0 else percent_text(threshold)
    return measured_text(threshold, check.unit)


def figure_text(value: float | None, unit: str) -> str:
    """Return a figure of a check, an empty text where there is none."""
    text = measured_text(value, unit)
    return "" if text == ABSENT else text


def change_or_blank(change: float | None) -> str:
    """Return a relative change, an empty text where there is none."""
    return "" if finite(change) is None else change_text(change)


def _memory(outcome: Outcome) -> str:
    if outcome.before is None or outcome.after is None:
        return ""
    before, after = outcome.before.rss_bytes, outcome.after.rss_bytes
    if before is None or after is None:
        return ""
    change = relative_change(before, after)
    by = f" ({change_text(change)})" if change is not None else ""
    return f"RSS went from {bytes_text(before)} to {bytes_text(after)}{by}."


def _of(part: int, whole: int) -> str:
    if part == whole:
        return "both" if whole == 2 else f"all {whole}"
    return f"{part} of {whole}"
