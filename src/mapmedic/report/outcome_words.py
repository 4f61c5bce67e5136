"""What a fix did, in plain sentences, and how its figures are shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mapmedic.report.call_words import call_done_text, call_words
from mapmedic.report.figures import (
    ABSENT,
    bytes_text,
    change_text,
    count_text,
    duration_text,
    entries_text,
    finite,
    measured_text,
    percent_text,
)
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outside_words import hides_words, plan_words

if TYPE_CHECKING:
    from mapmedic.model.backup import Backup
    from mapmedic.model.outside import OutsidePlan
    from mapmedic.model.remedy import BackupPlan, Check, Condition, FixPlan, Outcome, Proof
    from mapmedic.model.report import Requests
    from mapmedic.model.saved_entries import SavedDifference, SavedEntries

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
    "process_runs": "The process runs on",
    "function_returned": "The function came back",
    "whole": "All of it was done",
    "collector_restored": "The collector is as it was",
}


def check_name(check: Check) -> str:
    """Return the name of a check as people say it."""
    field = check.name.removeprefix("entries.")
    said = check.name if field == check.name else f"Entries in {field}"
    return inert(_CHECK_NAMES.get(check.name, said), SHOWN_LIMIT)


def result_text(check: Check) -> str:
    """Return passed, FAILED, or noted: not known, or nothing that the verdict rests on."""
    if check.passed:
        return "passed"
    return "FAILED" if check.decides else "noted"


def next_of(plan: FixPlan, more: Sequence[str] = ()) -> str | None:
    """Return what to do about the first condition that does not hold; None where there is no one thing.

    ``more`` as of ``print_plan``.
    """
    failed = next((condition for condition in plan.conditions if not condition.holds), None)
    if plan.outside is not None:
        if hides_words(plan, plan.outside):
            return None
        return _again_outside([*plan_words(plan, plan.outside), *more], failed)
    if plan.call is not None:
        return _again_outside([*call_words(plan, plan.call), *more], failed)
    target = shlex.quote(inert(plan.target, WHOLE_LIMIT))
    steps = {
        "strategy": f"{_again(plan, 'swap')}   (the default, which works for nearly every map)",
        "lock": "again when the service is less busy, or --strategy evict for a part of the map",
        "entries": f"mapmedic diagnose {target} --for 60s",
        "one operation at a time": f"wait until it has ended (its hold is bounded), then again: {_again(plan)}",
        "room for the backup": f"{_again(plan)} --backup FILE, on a disk with room",
    }
    return steps.get(failed.name) if failed else None


def _again_outside(words: list[str], failed: Condition | None) -> str | None:
    more = {
        "lock": " --lock ADDRESS_OR_NAME",
        "journal": " --journal DIRECTORY",
        "one operator at a time": "   (when the other has ended)",
        "a safe moment": "   (it is looked at anew)",
    }
    name = failed.name.rpartition(": ")[2] if failed else ""  # of a struct: of which field
    if name == "journal" and "--journal" in words:  # the one that cannot be written
        at = words.index("--journal")
        words = words[:at] + words[at + 2 :]
    return f"{inert(shlex.join(words), WHOLE_LIMIT)}{more[name]}" if name in more else None


def _again(plan: FixPlan, strategy: str | None = None) -> str:
    words = ["mapmedic", "hotfix", plan.target, "--map", plan.map, "--strategy", strategy or plan.strategy]
    return inert(" ".join(map(shlex.quote, words)), WHOLE_LIMIT)


def state_outcome(outcome: Outcome, requests: Requests | None = None) -> str:
    """Return in a few sentences what was done to the target, what it cost, and whether it worked."""
    name = inert(outcome.plan.map, SHOWN_LIMIT)
    if not outcome.applied:
        return f"Nothing was changed: the fix of {name} was planned, not applied."
    if outcome.call is not None:
        said = (call_done_text(outcome.plan.map, outcome.call), _memory(outcome), state_proof(outcome.proof))
        return " ".join(filter(None, said))
    removed = f"{entries_text(outcome.entries_removed)} left {name}"
    if outcome.entries_removed is None:
        removed = f"{name} was emptied"
    sentences = [f"Fixed while the service ran: {removed}{_price(outcome)}.", _memory(outcome)]
    sentences += [state_proof(outcome.proof)]
    sentences += [state_requests(requests)] if requests else []
    return " ".join(filter(None, sentences))


def _price(outcome: Outcome) -> str:
    if outcome.pause_ns is None:
        return ""
    took = duration_text(outcome.pause_ns)
    return f"; it stood still for {took}" if outcome.plan.outside else f"; its lock was held {took} at most"


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
    held = f"{entries_text(backup.end.entries)}, {bytes_text(backup.bytes)}, checked; {loss}"
    return inert(held, WHOLE_LIMIT)


def saving_text(outside: OutsidePlan) -> str:
    """Return where the entries of a process without an agent would be saved."""
    plan = outside.saving
    if plan is None:
        return "not saved"
    what = ", hashes in the place of what they say" if outside.redacted else ""
    if plan.is_raw:
        what = ", as raw bytes of the map's own parts" + (", which are left out" if outside.redacted else "")
    return inert(
        f"saved to a new file in {plan.folder}, {bytes_text(plan.estimate_bytes)} reckoned with{what}",
        WHOLE_LIMIT,
    )


def saved_text(saved: SavedEntries, difference: SavedDifference | None, *, are_chosen: bool = False) -> str:
    """Return what was saved of the entries, and how near to the write; ``are_chosen``: those that were to go."""
    what = f"{count_text(saved.entries)} pieces of raw bytes" if saved.is_raw else entries_text(saved.entries)
    held = f"{what}, {bytes_text(saved.bytes)}"
    cut = (
        f", {count_text(saved.cut + saved.unreadable)} of them not whole"
        if saved.cut + saved.unreadable
        else ""
    )
    if difference is None:
        return f"{held}{cut}"
    within = duration_text(difference.within_ms * 1e6)
    if not difference.is_exact:
        return inert(
            f"{held}{cut}, as of {within} before the write; what changed since is not known: {difference.why}"
        )
    since = f"{count_text(difference.added)} came, {count_text(difference.changed)} changed, "
    went = "stayed or went" if are_chosen else "went"
    since += f"{count_text(difference.gone)} {went} in the {within} until the write"
    return inert(f"{held}{cut}; {since}{', saved beside it' if difference.path else ''}", WHOLE_LIMIT)


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
