"""What is in one map: sample entries decoded, all its keys in groups, its values by age."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mapmedic.goheap.ages import find_ages
from mapmedic.goheap.descriptors import Descriptor, Descriptors
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.key_groups import group_keys
from mapmedic.goheap.slots import LiveSlots, read_slots, slot_types
from mapmedic.goheap.sync_entries import sync_types, trie_entries, two_map_entries
from mapmedic.goheap.values import Bounds, Decoder
from mapmedic.goheap.weights import Weights
from mapmedic.model.entries import Contents, Entry, MapEntries
from mapmedic.model.inventory import Inventory, MapInstance

# So many keys and times are looked at, spread evenly; a larger map is judged by them.
_MOST_LOOKED_AT = 100_000
_KEY_BOUNDS = Bounds(text_bytes=128, elements=4, pointers=1, values=32)
# Of a header; and behind the control bytes of a group or bucket.
_PARTS, _CONTROL, _RAW_BYTES = 16, 8, 64
_SYNC = frozenset(("sync.Map", "hashtrie"))
_UNREAD = "its slots cannot be read"
_UNTYPED = "nothing in memory tells the types of its keys and values: raw are the bytes of its first slots"


def take_entries(
    heap: GoHeap, inventory: Inventory, map_: MapInstance, shown: int, now_ns: int
) -> MapEntries:
    """Return what is in ``map_`` of ``inventory``, ``shown`` entries of it decoded.

    ``now_ns``: the moment that ages count back from, in nanoseconds since 1970. What cannot be read is a note,
    never an error.
    """
    descriptors = Descriptors(heap.types)
    found = _sync_slots(heap, descriptors, map_) if map_.design in _SYNC else _slots(heap, descriptors, map_)
    raw = None if found or map_.design in _SYNC else _raw(heap, map_)
    if found is None:
        return MapEntries(
            inventory.target, inventory.snapshot, map_, None, raw, (_UNTYPED if raw else _UNREAD,)
        )
    key, elem, live = found
    notes: tuple[str, ...] = ()
    if live.live != map_.entries:
        notes = (f"it has {live.live:,} live slots, its header counts {map_.entries:,} entries",)
    contents = _contents(descriptors, (key, elem), live, shown, now_ns)
    return MapEntries(inventory.target, inventory.snapshot, map_, contents, None, notes)


# Type of the keys, of the elements, where they lie.
_Found = tuple[Descriptor, Descriptor, LiveSlots]


def _slots(heap: GoHeap, descriptors: Descriptors, map_: MapInstance) -> _Found | None:
    row = _row(heap.maps, map_)
    types = slot_types(descriptors, row["map_type"], row["bucket_type"])
    if types is None:
        return None
    every = max(1, -(-map_.entries // _MOST_LOOKED_AT))
    live = read_slots(
        heap.memory, map_.address, types.layout, slots=row["slots"], every=every, most=_MOST_LOOKED_AT
    )
    return None if live is None else (types.key, types.elem, live)


def _sync_slots(heap: GoHeap, descriptors: Descriptors, map_: MapInstance) -> _Found | None:
    row = _row(heap.sync_maps, map_)
    key, value = sync_types(descriptors, row["map_type"] if row["is_trie"] else 0)
    if row["is_trie"]:
        live = trie_entries(heap.memory, map_.address, key, _MOST_LOOKED_AT)
    else:
        swiss = heap.runtime.layout.swiss
        live = two_map_entries(heap.memory, map_.address, row["slots"], _MOST_LOOKED_AT, swiss=swiss)
    if live is not None and live.live == _MOST_LOOKED_AT:
        live = LiveSlots(
            map_.entries, live.keys, live.elems
        )  # a sample: the first of a trie, whose order is a hash's
    return None if live is None else (key, value, live)


def _row(columns: Mapping[str, np.ndarray], map_: MapInstance) -> dict[str, int]:
    at = int(np.nonzero(columns["address"] == np.uint64(map_.address))[0][0])
    return {name: int(column[at]) for name, column in columns.items()}


def _contents(
    descriptors: Descriptors, types: tuple[Descriptor, Descriptor], live: LiveSlots, shown: int, now_ns: int
) -> Contents:
    of_key, of_value = types
    decoder, keys = Decoder(descriptors), Decoder(descriptors, _KEY_BOUNDS)
    weigh = Weights(descriptors)
    weights = [
        weigh.of(of_key, key) + weigh.of(of_value, elem)
        for key, elem in zip(live.keys, live.elems, strict=True)
    ]
    first = zip(live.keys[:shown], live.elems[:shown], strict=True)
    return Contents(
        key_type=of_key.name,
        value_type=of_value.name,
        live=live.live,
        looked_at=len(live.keys),
        looked_at_bytes=sum(weights),
        shown=tuple(Entry(decoder.value(of_key, key), decoder.value(of_value, elem)) for key, elem in first),
        groupings=group_keys([keys.value(of_key, key) for key in live.keys], weights),
        ages=find_ages(descriptors, of_value, live.elems, now_ns),
    )


def _raw(heap: GoHeap, map_: MapInstance) -> str | None:
    """Return the first bytes behind the control bytes of the first group or bucket, in hex."""
    memory = heap.memory
    at = memory.word(map_.address + _PARTS) or 0
    if map_.design == "swiss" and memory.word(map_.address + _PARTS + 8):
        table = memory.word(at) or 0
        at = memory.word(table + 16) or 0
    raw = memory.read(at + _CONTROL, _RAW_BYTES) if at else None
    return None if raw is None else raw.hex()
