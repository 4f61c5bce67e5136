"""A plan for a process without an agent in the words of the command line, so that it can be said again."""

from __future__ import annotations

from collections.abc import Iterator

from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import FixPlan
from mapmedic.report.figures import count_text, entries_text
from mapmedic.report.inert import SHOWN_LIMIT, inert

# What `hotfix` takes without --max-stop and --wait: no need to say it again.
_USUAL_BUDGET_MS, _USUAL_LIMIT_MS = 20.0, 10_000.0


def plan_words(plan: FixPlan, outside: OutsidePlan) -> list[str]:
    """Return the command that shows ``plan``, word by word; with ``--apply`` it carries it out."""
    words = ["mapmedic", "hotfix", str(outside.target.pid), *_what_words(plan, outside)]
    for lock in outside.locks:
        if lock.evidence.startswith("--lock"):
            words += ["--lock", f"{lock.address:#x}:{lock.kind.removeprefix('sync.')}"]
    if outside.without_lock:
        words.append("--no-lock-known")
    if outside.saving is None and plan.entries:
        words.append("--no-backup")
    if outside.redacted:
        words.append("--redact")
    if outside.budget_ms != _USUAL_BUDGET_MS:
        words += ["--max-stop", f"{outside.budget_ms:g}"]
    if outside.limit_ms != _USUAL_LIMIT_MS:
        words += ["--wait", f"{outside.limit_ms / 1e3:g}s"]
    if not outside.watches_locks:
        words.append("--no-watch")
    if not plan.return_memory:
        words.append("--keep-memory")
    return words


def _what_words(plan: FixPlan, outside: OutsidePlan) -> Iterator[str]:
    yield from ("--struct" if outside.fields else "--map", plan.map)
    for field in outside.fields:
        if field.condition:
            yield from ("--field", field.condition)
    if plan.strategy != "reset":
        yield from ("--strategy", plan.strategy)
    for condition in plan.where:
        yield from ("--where", condition.text)
    for field in outside.fields:
        for condition in field.where[len(plan.where) :]:
            yield from ("--where", f"{field.name}: {condition.text}")


def hides_words(plan: FixPlan, outside: OutsidePlan) -> bool:
    """Tell whether a hash stands where the command would have to say a key or a value."""
    where = (*plan.where, *(condition for field in outside.fields for condition in field.where))
    return outside.redacted and ("[#" in plan.map or any(each.is_hidden for each in where))


def title_of(plan: FixPlan, outside: OutsidePlan) -> str:
    """Return what would be done to which map, in half a sentence."""
    name, entries = inert(plan.map, SHOWN_LIMIT), entries_text(plan.entries)
    if outside.fields:
        chosen = sum(each.chosen for each in outside.fields)
        maps = "one map" if chosen == 1 else f"{count_text(chosen)} maps"
        if plan.matches is not None:
            return f"take {count_text(plan.matches)} of {entries} out of {maps} of {name}"
        return f"empty {maps} of {name} ({entries})"
    if plan.strategy == "evict":
        return f"take {count_text(plan.matches)} of {entries} out of {name}"
    if plan.strategy == "clear":
        return f"take all {entries} out of {name}, and keep its table"
    return f"empty {name} ({entries})"
