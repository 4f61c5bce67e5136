"""What is in one map: sample entries decoded, all its keys in groups, its values by age."""

from __future__ import annotations

from mapmedic.goheap.ages import find_ages
from mapmedic.goheap.descriptors import Descriptors
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.key_groups import group_keys
from mapmedic.goheap.slots import LiveSlots, SlotTypes, read_slots, slot_types
from mapmedic.goheap.values import Bounds, Decoder
from mapmedic.model.entries import Contents, Entry, MapEntries
from mapmedic.model.inventory import Inventory, MapInstance

# So many keys and times are looked at, spread evenly; a larger map is judged by them.
_MOST_LOOKED_AT = 100_000
_KEY_BOUNDS = Bounds(text_bytes=128, elements=4, pointers=1, values=32)
# Of a header; and behind the control bytes of a group or bucket.
_PARTS, _CONTROL, _RAW_BYTES = 16, 8, 64
_UNTYPED = "nothing in memory tells the types of its keys and values: raw are the bytes of its first slots"


def take_entries(
    heap: GoHeap, inventory: Inventory, map_: MapInstance, shown: int, now_ns: int
) -> MapEntries:
    """Return what is in ``map_`` of ``inventory``, ``shown`` entries of it decoded.

    ``now_ns``: the moment that ages count back from, in nanoseconds since 1970. What cannot be read is a note,
    never an error.
    """
    row = heap.maps["address"].tolist().index(map_.address)
    map_type, bucket_type, slots = (
        int(heap.maps[name][row]) for name in ("map_type", "bucket_type", "slots")
    )
    descriptors = Descriptors(heap.types)
    types = slot_types(descriptors, map_type, bucket_type)
    contents, raw, notes = None, None, []
    if types is None:
        raw = _raw(heap, map_)
        notes.append(_UNTYPED)
    else:
        every = max(1, -(-map_.entries // _MOST_LOOKED_AT))
        live = read_slots(
            heap.memory, map_.address, types.layout, slots=slots, every=every, most=_MOST_LOOKED_AT
        )
        if live is None:
            notes.append("its slots cannot be read")
        else:
            contents = _contents(descriptors, types, live, shown, now_ns)
            if live.live != map_.entries:
                notes.append(f"it has {live.live:,} live slots, its header counts {map_.entries:,} entries")
    return MapEntries(inventory.target, inventory.snapshot, map_, contents, raw, tuple(notes))


def _contents(
    descriptors: Descriptors, types: SlotTypes, live: LiveSlots, shown: int, now_ns: int
) -> Contents:
    decoder, keys = Decoder(descriptors), Decoder(descriptors, _KEY_BOUNDS)
    first = zip(live.keys[:shown], live.elems[:shown], strict=True)
    return Contents(
        key_type=types.key.name,
        value_type=types.elem.name,
        live=live.live,
        looked_at=len(live.keys),
        shown=tuple(
            Entry(decoder.value(types.key, key), decoder.value(types.elem, elem)) for key, elem in first
        ),
        groupings=group_keys([keys.value(types.key, key) for key in live.keys]),
        ages=find_ages(descriptors, types.elem, live.elems, now_ns),
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
