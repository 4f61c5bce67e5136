"""The JSON contract ``mapmedic.heap-entries/1``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mapmedic.model.entries import Contents, MapEntries
from mapmedic.model.inventory import Inventory
from mapmedic.report.go_values import value_json
from mapmedic.report.json_output import heap_json

Json = dict[str, Any]


def entries_json(entries: MapEntries) -> Json:
    """Return ``mapmedic.heap-entries/1``; target, snapshot and map as in ``mapmedic.heap/1``."""
    around = heap_json(Inventory(entries.target, entries.snapshot, (entries.map,), ()))
    return {
        "schema": "mapmedic.heap-entries/1",
        "target": around["target"],
        "snapshot": around["snapshot"],
        "map": around["maps"][0],
        "contents": None if entries.contents is None else _contents(entries.contents),
        "raw": entries.raw,
        "notes": list(entries.notes),
    }


def _contents(contents: Contents) -> Json:
    return {
        "key_type": contents.key_type,
        "value_type": contents.value_type,
        "live": contents.live,
        "looked_at": contents.looked_at,
        "looked_at_bytes": contents.looked_at_bytes,
        "entries": [{"key": value_json(e.key), "value": value_json(e.value)} for e in contents.shown],
        "groupings": [asdict(each) for each in contents.groupings],
        "ages": [asdict(each) for each in contents.ages],
    }
