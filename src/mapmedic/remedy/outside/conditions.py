"""What must hold before a process without an agent is changed, as far as it can be known before."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from mapmedic.memory.process import ProcessFacts
from mapmedic.model.inventory import Inventory, MapInstance
from mapmedic.model.remedy import Condition
from mapmedic.model.safe_moment import Unsafe
from mapmedic.model.saved_entries import EntriesPlan
from mapmedic.model.units import MIB
from mapmedic.remedy.backup import free_bytes

# A plan, one stop, a proof: a few kB. What is saved of the entries asks for its own room.
_JOURNAL_BYTES = MIB


def process_conditions(facts: ProcessFacts, inventory: Inventory) -> Iterator[Condition]:
    """Yield what there is to say of a process that could be read."""
    snapshot, target = inventory.snapshot, inventory.target
    how = f"its memory was read ({snapshot.mode}), and nobody else traces it"
    yield Condition("permission", True, how)
    if len(facts.ids) > 1:
        yield Condition("container", True, f"a PID namespace of its own, where it is process {facts.ids[-1]}")
    if facts.is_confined:
        yield Condition(
            "confinement", True, "a seccomp filter: it need not call anything, so that does not matter"
        )
    stripped = ", stripped" if target.stripped else ""
    yield Condition("Go version", True, f"{target.go_version}{stripped}, whose maps are known")


def map_condition(map_: MapInstance, matches: int | None) -> Condition:
    """Return whether there is something to empty, or among its entries ``matches`` that are to go one by one."""
    if matches is not None:
        why = f"{matches:,} of {map_.entries:,} entries fit" if matches else "none of its entries fits"
        return Condition("something to evict", matches > 0, why)
    name = "something to empty"
    if map_.entries:
        return Condition(name, True, f"{map_.entries:,} entries")
    if map_.dead_bytes:
        return Condition(name, True, f"no entry, but a table of {map_.shallow_bytes:,} bytes that it keeps")
    return Condition(name, False, "it has no entry and no table that could go")


def moment_condition(hindrance: Unsafe | None, limit_ms: float) -> Condition:
    """Return whether there was, or may be, a safe moment."""
    name = "a safe moment"
    if hindrance is None:
        return Condition(name, True, "there was one just now")
    if hindrance.hindrance.may_pass:
        return Condition(name, True, f"not just now: {hindrance.why}; it is tried for {limit_ms / 1e3:g} s")
    return Condition(name, False, hindrance.why)


def saving_condition(name: str, plan: EntriesPlan) -> Condition:
    """Return whether the disk has room for the entries."""
    if plan.free_bytes is None:
        return Condition(name, True, "not known; if the disk fills up, nothing is changed")
    figures = (
        f"{math.ceil(plan.estimate_bytes / MIB):,} MiB are reckoned with, {plan.free_bytes // MIB:,} MiB are free in "
        f"{plan.folder}"
    )
    enough = plan.free_bytes >= plan.estimate_bytes
    return Condition(name, enough, figures + ("" if enough else " (--journal DIRECTORY, or --no-backup)"))


def journal_condition(folder: Path) -> Condition:
    """Return whether what is done can be written down in ``folder``."""
    name = "journal"
    there = next((each for each in (folder, *folder.absolute().parents) if os.path.lexists(each)), folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Condition(name, False, f"{there} cannot be written (--journal DIRECTORY)")
    free = free_bytes(folder)
    if free is not None and free < _JOURNAL_BYTES:
        return Condition(name, False, f"{folder} has {free:,} bytes free, {_JOURNAL_BYTES:,} are needed")
    return Condition(name, True, f"{folder} can be written")
