"""Which entries of a map are to go: those that pass every test; what each choice rests on is kept with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.entry_conditions import entry_tests
from mapmedic.goheap.eviction_plan import Chosen, EvictionPlan
from mapmedic.goheap.fields import Fields, Reading
from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_walk import Occupied, walk_map
from mapmedic.goheap.odd_keys import OddKeys
from mapmedic.goheap.slot_stores import SlotStores
from mapmedic.goheap.slots import SlotLayout, SlotTypes, slot_types
from mapmedic.model.evict_condition import EvictCondition

# src/internal/runtime/maps/map.go, tombstonePossible.
_COUNTS_TOMBSTONES_FROM = 25
NOT_ITSELF = "its key may be unequal to itself (NaN), or cannot be read: no delete finds it"
_STEP = 1 << 14

Progress = Callable[[str, float], None]


def slots_of(heap: GoHeap, address: int) -> SlotTypes:
    """Return how the slots of the map at ``address`` are laid out; HeapUnreadable where nothing in memory says it."""
    rows = (heap.maps["address"] == address).nonzero()[0]
    if not len(rows):
        raise HeapUnreadable(f"there is no map with its header at {address:#x}")
    row = {name: int(column[rows[0]]) for name, column in heap.maps.items()}
    found = slot_types(heap.ways.descriptors, row["map_type"], row["bucket_type"])
    if found is None:
        raise HeapUnreadable(
            "nothing in memory tells the types of its keys and values, so entries cannot be chosen from outside; "
            "the agent can"
        )
    return found


def require_askable(heap: GoHeap, address: int, conditions: Sequence[EvictCondition]) -> None:
    """Raise UsageError where one of ``conditions`` cannot be asked of the entries of the map at ``address``.

    HeapUnreadable where nothing tells their types.
    """
    slots = slots_of(heap, address)
    entry_tests(Fields(heap.ways.descriptors), slots.key, slots.elem, conditions, 0)


def choose_entries(
    heap: GoHeap,
    address: int,
    conditions: Sequence[EvictCondition],
    now_ns: int,
    progress: Progress = lambda _what, _share: None,
) -> EvictionPlan:
    """Return what takes the entries out that fit all of ``conditions`` (none: every entry) of the map at ``address``.

    ``now_ns``: since 1970, for ages. UsageError where a condition cannot be asked of such entries; HeapUnreadable where
    the map cannot be read, or its types are not known.
    """
    slots, shape = slots_of(heap, address), HeaderShape.of(heap.runtime.layout)
    stores = SlotStores.of(heap.types, slots)
    if stores is None:
        raise HeapUnreadable("the types of its keys and values cannot be read")
    fields = Fields(heap.ways.descriptors)
    tests = entry_tests(fields, slots.key, slots.elem, conditions, now_ns)
    occupied = walk_map(heap.memory, address, shape.size_bytes, slots.layout)
    left: Counter[str] = Counter()
    chosen = []
    odd = OddKeys(fields, slots.key)
    for entry in _entries(heap, occupied, slots.layout, progress):
        if not all(test.fits(entry.reading, entry.key, entry.elem) for test in tests):
            continue
        if odd.may_differ(entry.reading, entry.key):
            left[NOT_ITSELF] += 1
        else:
            chosen.append(entry.chosen)
    return EvictionPlan(
        address, shape, stores, occupied.header, occupied.parts, tuple(chosen),
        heap.runtime.build.minor >= _COUNTS_TOMBSTONES_FROM, tuple(left.items()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: where its key and its element are, and what of them was read."""

    part: int
    group: int
    slot: int
    key: int
    elem: int
    reading: Reading

    @property
    def chosen(self) -> Chosen:
        return Chosen(self.part, self.group, self.slot, tuple(dict(self.reading.seen).items()))


def _entries(heap: GoHeap, occupied: Occupied, layout: SlotLayout, progress: Progress) -> Iterator[_Entry]:
    rows = zip(occupied.part.tolist(), occupied.group.tolist(), occupied.slot.tolist(), strict=True)
    for number, (part, group, slot) in enumerate(rows):
        if number % _STEP == 0:
            progress("choosing entries", number / len(occupied.slot))
        reading = Reading(heap.memory)
        key = group + layout.key_offset + slot * layout.key_stride
        elem = group + layout.elem_offset + slot * layout.elem_stride
        if layout.key_indirect:
            key = reading.word(key)
        if layout.elem_indirect:
            elem = reading.word(elem)
        yield _Entry(part, group, slot, key, elem, reading)
