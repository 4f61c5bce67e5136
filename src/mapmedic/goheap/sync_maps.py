"""Rows for each sync.Map and each other hash trie of the runtime's own."""

from __future__ import annotations

from collections.abc import Iterator

from mapmedic.goheap.heap import GoHeap, shared_bytes
from mapmedic.goheap.layouts import Layout
from mapmedic.goheap.map_sizes import allocated_bytes, rebuilt_bytes
from mapmedic.goheap.names import GlobalNames
from mapmedic.goheap.owners import name_place
from mapmedic.model.inventory import MapInstance

# src/sync/map.go up to Go 1.23: the struct, its readOnly, and for each entry an entry and the any that it leads to.
_STRUCT_BYTES, _READ_ONLY_BYTES, _EACH_BYTES = 32, 16, 8 + 16
# A bucket, or a group (Swiss), of the map[any]*entry inside.
_BUCKET_BYTES, _GROUP_BYTES = 208, 200
_OF_ANY = "map[interface {}]interface {}"
SYNC_MAP = "sync.Map"


def sync_map_rows(heap: GoHeap, names: GlobalNames | None) -> Iterator[MapInstance]:
    """Yield a row for each sound sync.Map of ``heap``."""
    for index in heap.sync_maps["is_sound"].nonzero()[0].tolist():
        row = {name: int(column[index]) for name, column in heap.sync_maps.items()}
        owner = name_place(heap, row["address"], names)
        yield MapInstance(
            address=row["address"],
            owner=owner.path or owner.declared or owner.label or f"sync.Map at {row['address']:#x}",
            path=owner.path,
            declared=owner.declared,
            label=owner.label,
            owner_kind=owner.kind,
            type=sync_type(heap, row),
            design="hashtrie" if row["is_trie"] else "sync.Map",
            entries=row["entries"],
            capacity=None if row["is_trie"] else row["slots"],
            shallow_bytes=row["structure_bytes"],
            dead_bytes=_dead_bytes(row, heap.runtime.layout),
            retained_bytes=row["retained_bytes"],
            resident_bytes=None if heap.memory.rss_bytes is None else row["resident_bytes"],
            shared_bytes=shared_bytes(heap, row),
        )


def unsound_sync_maps(heap: GoHeap, names: GlobalNames | None) -> Iterator[tuple[str, int]]:
    """Yield (owner, address) of each sync.Map of ``heap`` that is left out."""
    for index in (heap.sync_maps["is_sound"] == 0).nonzero()[0].tolist():
        address = int(heap.sync_maps["address"][index])
        owner = name_place(heap, address, names)
        yield owner.path or owner.declared or owner.label or f"sync.Map at {address:#x}", address


def sync_type(heap: GoHeap, row: dict[str, int]) -> str | None:
    """Return ``sync.Map``, or what the runtime's own tries (package unique's) are; None where nothing says it."""
    if not row["is_trie"]:
        return SYNC_MAP
    name = heap.types.name(row["map_type"]) if row["map_type"] else None
    if name == _OF_ANY:
        return SYNC_MAP
    parts = [heap.types.name(part) for part in heap.types.slot_types(row["map_type"])]
    return f"sync.HashTrieMap[{','.join(map(str, parts))}]" if parts and None not in parts else None


def _dead_bytes(row: dict[str, int], layout: Layout) -> int:
    if row["is_trie"]:
        return row["spare_bytes"]
    return max(0, row["structure_bytes"] - _rebuilt_bytes(row["entries"], layout))


def _rebuilt_bytes(entries: int, layout: Layout) -> int:
    """Return the shallow bytes of a fresh sync.Map (two maps) with ``entries`` in its first map alone."""
    if entries == 0:
        return _STRUCT_BYTES
    bucket = _GROUP_BYTES if layout.swiss else _BUCKET_BYTES
    inner = rebuilt_bytes(
        entries, bucket, header=layout.has_headers, swiss=layout.swiss,
        load=layout.bucket_load, map_header=layout.map_header_bytes,
    )  # fmt: skip
    return (
        _STRUCT_BYTES
        + allocated_bytes(_READ_ONLY_BYTES, header=layout.has_headers)
        + inner
        + entries * _EACH_BYTES
    )
