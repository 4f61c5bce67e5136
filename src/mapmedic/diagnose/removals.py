"""What the source says about taking out of a map: evidence, how sure a leak is with it, and where to mend it."""

from __future__ import annotations

from dataclasses import replace

from mapmedic.diagnose.confidence import combine
from mapmedic.model.findings import Evidence, Reason, Removal, SourceHint, Suspect, Verdict
from mapmedic.model.frames import ContainerKind

_MOST_LISTED = 5
_KEPT_BUCKETS = "Deleting keeps the buckets: put a fresh map in its place when it must shrink."


def with_removals(suspect: Suspect, hint: SourceHint) -> Suspect:
    """Return ``suspect`` with every delete, clear and re-make that ``hint`` found, or that there is none."""
    if hint.removals is None or suspect.kind is ContainerKind.SLICE:
        return suspect
    found = suspect.evidence + tuple(_evidence(hint, hint.removals))
    if suspect.code is not Verdict.MAP_LEAK:
        return replace(suspect, evidence=found, removals=hint.removals)
    reasons = (*suspect.reasons, _reason(hint, hint.removals))
    fix = replace(suspect.fix, patch_hint=_patch_hint(suspect, hint.removals)) if suspect.fix else None
    return replace(
        suspect, evidence=found, removals=hint.removals, reasons=reasons, confidence=combine(reasons), fix=fix
    )


def _evidence(hint: SourceHint, removals: tuple[Removal, ...]) -> list[Evidence]:
    listed = [
        Evidence(f"{each.what} at {each.file}:{each.line}", each.statement, None, "source")
        for each in removals[:_MOST_LISTED]
    ]
    claim = f"deletes, clears and re-makes of {hint.declared} in {_files(hint)}"
    return [Evidence(claim, len(removals), None, "source", "places"), *listed]


def _files(hint: SourceHint) -> str:
    left_out = f", {len(hint.unread)} not read or not whole" if hint.unread else ""
    files = "1 file" if hint.files_read == 1 else f"{hint.files_read} files"
    return f"{files} of its package{left_out}"


def _reason(hint: SourceHint, removals: tuple[Removal, ...]) -> Reason:
    if removals:
        return Reason(f"{_places(removals)} takes out of it: it may only be filling up", -0.3)
    text = f"no delete, clear or re-make of {hint.declared} in {_files(hint)}"
    if hint.declared.rpartition(".")[2][:1].isupper():
        return Reason(f"{text}; it is exported, so that another package may have one", 0.15)
    return Reason(text, 0.15 if hint.unread else 0.4)


def _places(removals: tuple[Removal, ...]) -> str:
    first = f"a {removals[0].what} at {removals[0].file}:{removals[0].line}"
    return first if len(removals) == 1 else f"{first} (and {len(removals) - 1} more)"


def _patch_hint(suspect: Suspect, removals: tuple[Removal, ...]) -> str:
    name = (suspect.declared or "").rpartition(".")[2]
    delete = f"{name}.Delete(key)" if suspect.kind is ContainerKind.SYNC_MAP else f"delete({name}, key)"
    file, _, _ = (suspect.site.file or "" if suspect.site else "").rpartition(".go")
    line = f"{file.rpartition('/')[2]}.go:{suspect.site.line}" if suspect.site else "the inserting line"
    bound = f"bound it where {line} inserts: with N entries in it, {delete} for the oldest first (LRU)"
    if removals:
        return (
            f"{_places(removals)} takes out of {suspect.declared}, yet it grows. See whether that runs, how "
            f"often, and whether it reaches what {line} inserts (an early return, another key, a lifetime too "
            f"long). Or {bound}. {_KEPT_BUCKETS}"
        )
    return (
        f"Nothing ever leaves {suspect.declared}. Call {delete} under its lock where an entry's life ends "
        f"(logout, expiry, close); or sweep it: a ticker that walks {name} and deletes what is older than its "
        f"TTL; or {bound}. {_KEPT_BUCKETS}"
    )
