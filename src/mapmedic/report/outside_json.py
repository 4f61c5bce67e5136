"""The parts of ``mapmedic.plan/1`` and ``mapmedic.outcome/1`` that only a process without an agent has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mapmedic.formats.inventory import inventory_json
from mapmedic.model.acted import Acted, Stage, count_hindrances
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.inventory import Inventory, InventoryTarget, MapInstance, Snapshot, SnapshotMode
from mapmedic.model.outside import OutsidePlan

Json = dict[str, Any]
_NO_SNAPSHOT = Snapshot(SnapshotMode.FORK, 0.0, 0, 0, complete=True)


def outside_json(plan: OutsidePlan) -> Json:
    """Return what the plan says of the process and its map; ``process`` and ``map`` as in ``mapmedic.heap/1``."""
    process, map_ = _as_in_heap(plan.target, plan.map)
    holders, contents = plan.holders, plan.contents
    return {
        "process": process,
        "started_ticks": plan.started_ticks,
        "map": map_,
        "held_bytes": plan.held_bytes,
        "locks": [asdict(each) for each in plan.locks],
        "without_lock": plan.without_lock,
        "root": holders.root if holders else None,
        "other_holders": holders.others_count if holders else None,
        "groupings": [asdict(each) for each in contents.groupings] if contents else [],
        "ages": [asdict(each) for each in contents.ages] if contents else [],
        "guards": list(plan.guards),
        "notices": list(plan.notices),
        "measured_pause_ms": [round(each, 3) for each in plan.measured_ms],
        "max_pause_ms": plan.budget_ms,
        "give_up_after_ms": plan.limit_ms,
        "watches_locks": plan.watches_locks,
        "saving": asdict(plan.saving) if plan.saving else None,
        "redacted": plan.redacted,
        "collections": plan.collections,
        "journal_folder": plan.journal_folder,
        "fields": [{**asdict(each), "where": where_json(each.where)} for each in plan.fields],
    }


def where_json(conditions: Sequence[EvictCondition]) -> list[Json]:
    """Return which entries go."""
    return [
        {"on": c.on, "field": c.field, "op": c.operator, "value": c.value, "seconds": c.seconds}
        for c in conditions
    ]


def _as_in_heap(target: InventoryTarget, map_: MapInstance) -> tuple[Json, Json]:
    around = inventory_json(Inventory(target, _NO_SNAPSHOT, (map_,), ()))
    return around["target"], around["maps"][0]


def _stage_json(stage: Stage) -> Json:
    facts = asdict(stage)
    del facts["left"]  # told of all of them together
    return facts


def acted_json(acted: Acted) -> Json:
    """Return in which stops something was written, and what forbade it before."""
    return {
        "stages": [_stage_json(each) for each in acted.stages],
        "whole": acted.whole,
        "left": [{"why": why, "entries": count} for why, count in acted.left],
        "tries": len(acted.tries),
        "tries_ms": round(max((each.at_ms for each in acted.stages), default=0.0), 3),
        "hindrances": list(count_hindrances(acted.tries)),
    }
