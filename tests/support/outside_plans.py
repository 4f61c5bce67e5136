"""A plan for a process without an agent, as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapmedic.model.entries import AgeBand, Ages, Contents, Grouping, KeyGroup
from mapmedic.model.holders import MapHolders, OtherHolder
from mapmedic.model.inventory import InventoryTarget, MapInstance, OwnerKind, Snapshot, SnapshotMode
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.model.saved_entries import EntriesPlan

MIB = 1 << 20


def outside_plan(said: str = "main.mgr.sessions", **changes: Any) -> OutsidePlan:
    """Return one; ``said`` is what every text of the target in it says."""
    target = InventoryTarget(1234, said, "go1.27.3", True, (), "host", 1.5, "build")
    map_ = MapInstance(
        0xC000, said, said, said, None, OwnerKind.GLOBAL, said, "swiss", 812_345, 1 << 20, 90 * MIB, 3 * MIB, 400 * MIB,
        80 * MIB, 7, 5 * MIB,
    )  # fmt: skip
    snapshot = Snapshot(SnapshotMode.FORK, 1.5, 10, 100, complete=True)
    ages = Ages(said, "unix s", 90, 0, 0, 9e5, 5e4, 1.0, 0, 80, (AgeBand(0, 60, 10), AgeBand(60, None, 80)))
    plan = OutsidePlan(
        target=target,
        started_ticks=99,
        map=map_,
        locks=(MapLock(LockKind.RW_MUTEX, 0xD000, f"{said} lies beside the map"),),
        without_lock=False,
        holders=MapHolders(target, snapshot, map_, said, (), (OtherHolder(said, said, 0),), 4),
        contents=Contents(
            said, said, 812_345, 100, 10_000, (),
            (Grouping("prefix", (KeyGroup(said, 60, 1), KeyGroup("b", 40, 1)), 9),), (ages,),
        ),
        guards=(f"{said} is free",),
        notices=(f"{said} is empty",),
        held_bytes=400 * MIB,
        measured_ms=(0.9, 1.84),
        budget_ms=20.0,
        limit_ms=10_000.0,
        watches_locks=True,
        saving=EntriesPlan("/journal", 812_345, 300 * MIB, 900 * MIB),
        redacted=False,
        collections=3,
        journal_folder="/journal",
    )  # fmt: skip
    return replace(plan, **changes)


def outside_fix_plan(said: str = "main.mgr.sessions", **changes: Any) -> FixPlan:
    """Return the whole plan around one; ``changes`` are of the plan itself."""
    plan = FixPlan(
        "pid:1234", said, "map", said, "reset", 812_345, (said,), (Condition(said, True, said),), said, (said,), 0,
        return_memory=True, outside=outside_plan(said),
    )  # fmt: skip
    return replace(plan, **changes)
