"""From a surveyed heap to the list of its maps with names, sizes and what is dead in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from mapmedic.goheap.account import take_account
from mapmedic.goheap.allocation import read_counters, take_garbage
from mapmedic.goheap.checks import own_checks
from mapmedic.goheap.heap import GoHeap, shared_bytes
from mapmedic.goheap.holders import find_holders
from mapmedic.goheap.map_parts import MapParts, PartsByType
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import name_owner
from mapmedic.goheap.slots import slot_types
from mapmedic.goheap.sync_maps import sync_map_rows, unsound_sync_maps
from mapmedic.model.inventory import Inventory, InventoryTarget, MapInstance, Snapshot, SnapshotMode

# Of the maps that are left out, how many are named one by one.
_MOST_NAMED = 20
_AT_ODDS = "it was being written, or its parts contradict each other"
_READ_ONCE = (
    "a sync.Map that is read while the program runs is not confirmed by a second look; a forked copy has it"
)
# src/internal/runtime/maps/map.go (Map), src/runtime/map.go (hmap).
_SEED, _HASH0 = 8, 12


def take_inventory(heap: GoHeap, names: GlobalNames | None = None, blanks: tuple[str, ...] = ()) -> Inventory:
    """Return every map of ``heap``, the largest first; ``blanks`` are added to what could not be read."""
    parts = PartsByType(heap.types, heap.runtime.layout.has_headers)
    maps = [_instance(heap, names, row, parts) for row in _rows(heap, heap.maps["is_sound"] != 0)]
    maps.extend(sync_map_rows(heap, names))
    maps.sort(key=lambda each: (-max(each.retained_bytes or 0, each.shallow_bytes), each.address))
    unread = blanks + heap.unread + _left_out(heap, names, parts) + _doubts(heap, names)
    account = take_account(heap)
    inventory = Inventory(
        _target(heap, stripped=names is None),
        _snapshot(heap),
        tuple(maps),
        unread,
        account,
        holders=find_holders(heap, names),
        counters=read_counters(heap),
        garbage=take_garbage(heap),
    )
    return inventory.checked(own_checks(heap, account))


def _rows(heap: GoHeap, chosen: np.ndarray) -> Iterator[dict[str, int]]:
    """Yield what was read of each map that is ``chosen`` (map -> whether): name of the column -> value."""
    columns = [column[chosen].tolist() for column in heap.maps.values()]
    return (dict(zip(heap.maps, values, strict=True)) for values in zip(*columns, strict=True))


def _instance(
    heap: GoHeap, names: GlobalNames | None, row: dict[str, int], by_type: PartsByType
) -> MapInstance:
    parts = by_type.of(row["map_type"] or row["sized_as"], row["bucket_type"])
    in_frame = _is_in_frame(heap, row)
    owner = name_owner(heap, row["address"], names, on_stack=bool(row["is_on_stack"]))
    structure = row["structure_bytes"] + ((parts.group_bytes or 0) if in_frame else 0)
    return MapInstance(
        address=row["address"],
        owner=owner.path or owner.declared or owner.label or f"map at {row['address']:#x}",
        path=owner.path,
        declared=owner.declared,
        label=owner.label,
        owner_kind=owner.kind,
        type=heap.types.map_name(row["map_type"], row["bucket_type"]),
        design="swiss" if heap.runtime.layout.swiss else "classic",
        entries=row["entries"],
        capacity=row["slots"],
        shallow_bytes=structure + parts.indirect_bytes * row["entries"],
        dead_bytes=0 if in_frame else parts.dead_bytes(heap.runtime.layout, row["entries"], structure),
        # Retained by what, is a question to the memory of one moment, and to maps whose slots are on the heap.
        retained_bytes=None if in_frame or heap.memory.how is SnapshotMode.LIVE else row["retained_bytes"],
        resident_bytes=None if in_frame else _resident_bytes(heap, row, parts),
        seed=_seed(heap, row["address"]),
        shared_bytes=shared_bytes(heap, row),
    )


def _seed(heap: GoHeap, header: int) -> int | None:
    """Return 32 bits of a map's hash seed: Map.seed (swiss), hmap.hash0 (classic)."""
    found = heap.memory.words(header + (_SEED if heap.runtime.layout.swiss else _HASH0), "I")
    return found[0] if found else None


def _is_in_frame(heap: GoHeap, row: dict[str, int]) -> bool:
    """Tell whether a map lies wholly on a stack: its header is all that was measured of it."""
    return bool(row["is_on_stack"]) and row["structure_bytes"] == heap.runtime.layout.map_header_bytes


def _resident_bytes(heap: GoHeap, row: dict[str, int], parts: MapParts) -> int | None:
    """Return how much of the shallow bytes was in RAM; None where that cannot be said.

    Neither a core nor memory of no single moment says it, nor a map whose slots cannot be read.
    """
    if heap.memory.how is SnapshotMode.LIVE or heap.memory.rss_bytes is None:
        return None
    if not parts.indirect_bytes:
        return row["resident_bytes"]
    beside = _resident_beside(heap, row)
    return None if beside is None else row["resident_bytes"] + beside


def _resident_beside(heap: GoHeap, row: dict[str, int]) -> int | None:
    types = slot_types(heap.ways.descriptors, row["map_type"] or row["sized_as"], 0)
    if types is None:
        return None
    image, layout = heap.memory.image, asdict(types.layout)
    return heap.survey.resident_beside(image, row["address"], layout, row["slots"])


def _target(heap: GoHeap, *, stripped: bool) -> InventoryTarget:
    build = heap.runtime.build
    return InventoryTarget(
        pid=heap.memory.pid,
        exe=heap.memory.exe_path,
        go_version=build.version,
        stripped=stripped,
        experiments=tuple(sorted(build.experiments)),
    )


def _snapshot(heap: GoHeap) -> Snapshot:
    memory = heap.memory
    return Snapshot(
        mode=memory.how,
        pause_ms=round(memory.pause_ns / 1e6, 3),
        heap_objects=heap.totals["reached_objects"],
        heap_bytes=heap.totals["reached_bytes"],
        complete=not (heap.unread or heap.totals["unread_objects"] or memory.unread),
        uncertain_bytes=heap.totals["uncertain_bytes"],
        notes=memory.notes,
    )


def _left_out(heap: GoHeap, names: GlobalNames | None, parts: PartsByType) -> tuple[str, ...]:
    """Return a sentence for each map whose parts do not agree, the largest by name."""
    doubtful = (heap.maps["is_sound"] == 0).nonzero()[0].tolist()
    doubtful.sort(key=lambda row: -int(heap.maps["structure_bytes"][row]))
    said = []
    for row in doubtful[:_MOST_NAMED]:
        columns = {name: int(column[row]) for name, column in heap.maps.items()}
        each = _instance(heap, names, columns, parts)
        said.append(_left_out_words(_AT_ODDS, each.owner, each.type or "a map of unknown type", each.address))
    why = _READ_ONCE if heap.memory.how is SnapshotMode.LIVE else _AT_ODDS
    said.extend(_left_out_words(why, owner, "a sync.Map", at) for owner, at in unsound_sync_maps(heap, names))
    if len(doubtful) > _MOST_NAMED:
        said.append(f"left out for the same reason: {len(doubtful) - _MOST_NAMED:,} smaller maps")
    return tuple(said)


def _left_out_words(why: str, owner: str, type_: str, address: int) -> str:
    return f"left out, because {why}: {owner}, {type_}, at {address:#x}"


def _doubts(heap: GoHeap, names: GlobalNames | None) -> tuple[str, ...]:
    said = list(heap.memory.remarks)
    if heap.totals["torn_spans"]:
        said.append(
            f"{heap.totals['torn_spans']:,} stretches of the heap that changed hands while they were read"
        )
    if heap.totals["unread_objects"]:
        said.append(f"the pointers of {heap.totals['unread_objects']:,} objects")
    if heap.totals["uncertain_bytes"]:
        said.append(
            f"whether {heap.totals['uncertain_bytes']:,} bytes are in use: only words in registers and frames of what "
            "runs lead to them, and these may be mere numbers; figures may be off by as much, and differ next time"
        )
    if names is None and not heap.runtime.layout.has_headers:
        said.append(
            "whether there are more maps: up to Go 1.21 no object says what it is, and of a program without symbols "
            "a map is known where its own structure, its holder or the code tells"
        )
    said.extend(f"memory at {start:#x} to {end:#x}" for start, end in heap.memory.unread[:20])
    return tuple(said)
