"""The stores that the runtime's own delete makes, on the bytes of groups and buckets.

Upstream: src/runtime/map.go (mapdelete) and map_faststr.go up to Go 1.23, and as map_noswiss.go in 1.24 and 1.25;
src/internal/runtime/maps/map.go (deleteSmall) and table.go (Delete, Clear) from 1.24.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mapmedic.goheap.descriptors import Kind
from mapmedic.goheap.map_walk import SLOTS
from mapmedic.goheap.slots import SlotLayout, SlotTypes
from mapmedic.goheap.types import Types

EMPTY, DELETED = 0x80, 0xFE
EMPTY_GROUP = bytes([EMPTY]) * SLOTS
_EMPTY_REST, _EMPTY_ONE = 0, 1
_WORD = 8
# Of a table of one group one slot stays free; of others one in eight (table.go, maxGrowthLeft).
_LOAD = 7


@dataclass(frozen=True, slots=True)
class SlotStores:
    """How many bytes of a slot's key and element a delete clears, from their start; ``key_width``: what a key has.

    ``beside_bytes``: of a key and an element, what they have where they lie beside the slot; 0 where they lie in it.
    """

    layout: SlotLayout
    key_width: int
    key_bytes: int
    elem_bytes: int
    beside_bytes: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, types: Types, slots: SlotTypes) -> SlotStores | None:
        """Return them for a map with such slots; None where the types cannot be read."""
        layout, size = slots.layout, types.size(slots.key.address)
        if size is None:
            return None
        # A key without pointers may stay; an element never, as m[k] += 1 begins with what it finds.
        key = _WORD if layout.key_indirect else size[0] if size[1] else 0
        # mapdelete_faststr clears the pointer of the text alone.
        if not layout.swiss and slots.key.kind is Kind.STRING and not layout.elem_indirect:
            key = _WORD
        width = _WORD if layout.key_indirect else size[0]
        elem = _WORD if layout.elem_indirect else slots.elem.size
        beside = size[0] * layout.key_indirect, slots.elem.size * layout.elem_indirect
        return cls(layout, width, key, elem, beside)

    def places(self, slot: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return [start, end) of the key and of the element in ``slot``, in bytes from the group's start."""
        layout = self.layout
        key = layout.key_offset + slot * layout.key_stride
        elem = layout.elem_offset + slot * layout.elem_stride
        return (key, key + self.key_width), (elem, elem + self.elem_bytes)

    def clear(self, raw: bytearray, slot: int) -> None:
        """Clear the key and the element in ``slot`` of the group or bucket ``raw``, as a delete does."""
        (key, _), (elem, _) = self.places(slot)
        raw[key : key + self.key_bytes] = bytes(self.key_bytes)
        raw[elem : elem + self.elem_bytes] = bytes(self.elem_bytes)


def delete_from_group(stores: SlotStores, raw: bytearray, slots: Iterable[int], *, is_small: bool) -> int:
    """Delete ``slots`` from the Swiss group ``raw``; return how many of them are tombstones now.

    A group that was ever full stays in the middle of what is looked up, so its slots are marked, not emptied; the
    one group of a small map is in the middle of nothing.
    """
    mark = EMPTY if is_small or EMPTY in raw[:SLOTS] else DELETED
    tombstones = 0
    for slot in slots:
        raw[slot] = mark
        stores.clear(raw, slot)
        tombstones += mark == DELETED
    return tombstones


def most_growth(capacity: int) -> int:
    """Return how many entries an empty table of ``capacity`` slots takes before it is made anew."""
    return capacity - 1 if capacity <= SLOTS else capacity * _LOAD // SLOTS


def delete_from_chain(
    stores: SlotStores, chain: Sequence[bytearray], slots: Iterable[tuple[int, int]]
) -> None:
    """Delete ``slots`` (number of the bucket, slot) from the classic bucket ``chain[0]`` and what overflows it.

    Behind the last entry of a chain every cell says that nothing follows.
    """
    for bucket, slot in slots:
        stores.clear(chain[bucket], slot)
        chain[bucket][slot] = _EMPTY_ONE
        if _nothing_follows(chain, bucket, slot):
            _mark_rest(chain, bucket, slot)


def _nothing_follows(chain: Sequence[bytearray], bucket: int, slot: int) -> bool:
    if slot + 1 < SLOTS:
        return chain[bucket][slot + 1] == _EMPTY_REST
    return bucket + 1 == len(chain) or chain[bucket + 1][0] == _EMPTY_REST


def _mark_rest(chain: Sequence[bytearray], bucket: int, slot: int) -> None:
    at = bucket * SLOTS + slot
    while at >= 0 and chain[at // SLOTS][at % SLOTS] == _EMPTY_ONE:
        chain[at // SLOTS][at % SLOTS] = _EMPTY_REST
        at -= 1
