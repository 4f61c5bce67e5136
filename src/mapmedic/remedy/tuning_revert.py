"""Take back what an earlier ``tune`` of the same process set, as its journal has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mapmedic.capture.journal_file import read_journal
from mapmedic.errors import FormatError
from mapmedic.model.gc_words import GcWord
from mapmedic.model.remedy import Condition
from mapmedic.model.tuning import SettingChange, TunePlan, TuneRequest, WordWrite
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.tuning import plan_tuning
from mapmedic.remedy.tuning_apply import PLANNED


def plan_revert(pid: int, journal: Path) -> TunePlan:
    """Return what would put process ``pid`` back as it was before what ``journal`` tells of.

    FormatError where it is no journal of ``tune``; a condition that does not hold where it tells of another process,
    or where somebody has set something else since.
    """
    event = _read_plan(journal)
    now = plan_tuning(pid, TuneRequest())
    try:
        changes = tuple(_back(each) for each in event["changes"])
        same = (event["pid"], event["started_ticks"], event["boot"]) == (pid, now.started_ticks, boot_id())
    except (LookupError, TypeError, ValueError) as error:
        raise FormatError(str(journal), "not the journal of a tune") from error
    conditions = (
        Condition("it is the process of the journal", same, "by its number, its start, and the boot"),
        *(_unchanged(each, _said(now)) for each in changes),
    )
    return replace(now, changes=changes, conditions=conditions)


def _read_plan(journal: Path) -> Mapping[str, Any]:
    first = read_journal(journal).events[0]
    if first.name != PLANNED:
        raise FormatError(str(journal), "not the journal of a tune")
    return first.facts


def _back(change: dict[str, Any]) -> SettingChange:
    writes = tuple(
        WordWrite(int(w["address"]), int(w["width_bytes"]), int(w["after"]), int(w["before"]))
        for w in change["writes"]
    )
    name, effect = str(change["name"]), str(change["takes_effect"])
    return SettingChange(name, writes[0].before, writes[0].after, effect, writes)


def _said(plan: TunePlan) -> dict[int, GcWord]:
    words = plan.words
    known = (words.percent, words.memory_limit, words.heap_minimum, words.trace)
    return {each.address: each for each in known if each is not None}


def _unchanged(change: SettingChange, said: dict[int, GcWord]) -> Condition:
    """Return whether the words are where the journal has them, and still say what was written."""
    expected = {(write.address, write.width_bytes, write.before) for write in change.writes}
    found = {
        (word.address, word.width_bytes, word.value)
        for write in change.writes
        if (word := said.get(write.address)) is not None
    }
    why = "it says what was written then" if found == expected else "it says something else by now"
    return Condition(f"nobody has changed {change.name} since", found == expected, why)
