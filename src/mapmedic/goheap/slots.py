"""The slots of a map: how its groups or buckets are laid out, and where its live keys and elements lie."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.goheap.descriptors import Descriptor, Descriptors, Kind
from mapmedic.goheap.map_sizes import MAX_INLINE_BYTES
from mapmedic.memory.reader import Address, Memory

_SLOTS = 8
# Of a map type: key and element (src/internal/abi/map.go).
_KEY_AND_ELEM = 48


@dataclass(frozen=True, slots=True)
class SlotLayout:
    """Where keys and elements lie in one group (Swiss) or bucket (classic), in bytes from its start."""

    swiss: bool
    group_bytes: int
    key_offset: int
    key_stride: int
    elem_offset: int
    elem_stride: int
    key_indirect: bool
    elem_indirect: bool


@dataclass(frozen=True, slots=True)
class SlotTypes:
    """How a map's slots are laid out, and the types of its keys and elements as declared."""

    layout: SlotLayout
    key: Descriptor
    elem: Descriptor

    def slot(self, place: int) -> tuple[int, int | None]:
        """Return (number of the slot, offset in the element) of what lies ``place`` bytes into an array of groups.

        The offset is None for what lies in a key.
        """
        layout, within = self.layout, place % self.layout.group_bytes
        if layout.elem_stride and layout.elem_offset <= within:
            number, offset = divmod(within - layout.elem_offset, layout.elem_stride)
            if number < _SLOTS and offset < max(8, self.elem.size if not layout.elem_indirect else 8):
                return number, offset
        return (within - layout.key_offset) // max(1, layout.key_stride), None

    def leads_on(self, place: int) -> bool:
        """Tell whether what lies ``place`` bytes into an array of buckets leads to the next of a chain (classic)."""
        layout, within = self.layout, place % self.layout.group_bytes
        end = layout.elem_offset + _SLOTS * layout.elem_stride
        return not layout.swiss and within >= end and within == layout.group_bytes - 8

    def key_address(self, group: int, number: int) -> int:
        """Return where the key of slot ``number`` of the group at ``group`` stands, before any pointer to it."""
        return group + self.layout.key_offset + number * self.layout.key_stride


@dataclass(frozen=True, slots=True)
class LiveSlots:
    """How many live slots a map has, and where the sampled keys and elements lie (0: cannot be read)."""

    live: int
    keys: tuple[Address, ...]
    elems: tuple[Address, ...]


def slot_types(descriptors: Descriptors, map_type: int, bucket_type: int) -> SlotTypes | None:
    """Return the slots of a map by its own type or that of its groups or buckets; None where neither says it."""
    memory = descriptors.types.memory
    if map_type:
        words = memory.words(map_type + _KEY_AND_ELEM, "3Q")
        if words is None:
            return None
        key, elem, bucket = (descriptors.at(word) for word in words)
        return _laid_out(descriptors, bucket, key, elem) if bucket and key and elem else None
    bucket = descriptors.at(bucket_type)
    return _laid_out(descriptors, bucket, None, None) if bucket else None


def read_slots(
    memory: Memory, header: int, layout: SlotLayout, *, slots: int, every: int = 1, most: int
) -> LiveSlots | None:
    """Return each ``every``-th live slot, at most ``most``, of the map with its header at ``header``.

    None where a part of it cannot be read, or there are more than ``slots`` slots.
    """
    try:
        found = _native.map_slots(memory.image, header, asdict(layout), slots, every, most)
    except ValueError:
        return None
    if found is None:
        return None
    live, columns = found
    keys, elems = (np.frombuffer(columns[name], dtype="<u8").tolist() for name in ("keys", "elems"))
    return LiveSlots(live, tuple(keys), tuple(elems))


def slot_places(
    memory: Memory, header: int, layout: SlotLayout, *, slots: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]] | None:
    """Return where every live key and element of the map at ``header`` lies; None as of ``read_slots``."""
    try:
        found = _native.map_slots(memory.image, header, asdict(layout), slots, 1, slots)
    except ValueError:
        return None
    if found is None:
        return None
    keys, elems = (np.frombuffer(found[1][name], dtype="<u8") for name in ("keys", "elems"))
    return keys, elems


def _laid_out(
    descriptors: Descriptors, bucket: Descriptor, key: Descriptor | None, elem: Descriptor | None
) -> SlotTypes | None:
    """Read the layout off the fields of the group or bucket; what its slots hold stands for ``key`` and ``elem``."""
    parts = _parts(descriptors, bucket)
    if parts is None:
        return None
    is_swiss, (key_offset, key_stride, key_held), (elem_offset, elem_stride, elem_held) = parts
    key_in, elem_in = descriptors.at(key_held), descriptors.at(elem_held)
    if key_in is None or elem_in is None:
        return None
    key = key or _behind(descriptors, key_in, bucket.name, is_key=True)
    elem = elem or _behind(descriptors, elem_in, bucket.name, is_key=False)
    layout = SlotLayout(
        swiss=is_swiss,
        group_bytes=bucket.size,
        key_offset=key_offset,
        key_stride=key_stride,
        elem_offset=elem_offset,
        elem_stride=elem_stride,
        key_indirect=key.size > MAX_INLINE_BYTES,
        elem_indirect=elem.size > MAX_INLINE_BYTES,
    )
    return SlotTypes(layout, key, elem)


# Offset of the first, distance to the next, address of the type that stands there.
_Part = tuple[int, int, int]


def _parts(descriptors: Descriptors, bucket: Descriptor) -> tuple[bool, _Part, _Part] | None:
    """Return (is Swiss, keys, elements); None for what is no group and no bucket.

    classic: topbits, keys, elems, overflow. Swiss: ctrl, slots of (key, elem), or ctrl, keys, elems.
    """
    fields = {each.name: each for each in bucket.fields}
    if bucket.kind is Kind.STRUCT and {"keys", "elems"} <= fields.keys():
        arrays = [descriptors.at(fields[name].type) for name in ("keys", "elems")]
        strides = [_stride(descriptors, each) for each in arrays]
        if arrays[0] is None or arrays[1] is None or strides[0] is None or strides[1] is None:
            return None
        return (
            "ctrl" in fields,
            (fields["keys"].offset, strides[0], arrays[0].element),
            (fields["elems"].offset, strides[1], arrays[1].element),
        )
    array = descriptors.at(fields["slots"].type) if "slots" in fields else None
    slot = descriptors.at(array.element) if array else None
    inner = {each.name: each for each in slot.fields} if slot else {}
    if slot is None or not {"key", "elem"} <= inner.keys():
        return None
    start, key, elem = fields["slots"].offset, inner["key"], inner["elem"]
    return True, (start + key.offset, slot.size, key.type), (start + elem.offset, slot.size, elem.type)


def _stride(descriptors: Descriptors, array: Descriptor | None) -> int | None:
    inner = descriptors.at(array.element) if array else None
    return inner.size if inner else None


def _behind(descriptors: Descriptors, held: Descriptor, name: str, *, is_key: bool) -> Descriptor:
    """Return what a slot's pointer leads to where the map's name says that the pointer is the map's own doing."""
    inner = descriptors.at(held.element) if held.kind is Kind.POINTER else None
    if inner is None or inner.size <= MAX_INLINE_BYTES:
        return held
    declared = name.removeprefix("map.group[").removeprefix("map.bucket[")
    if is_key:
        return held if declared.startswith(f"{held.name}]") else inner
    return held if declared.endswith(f"]{held.name}") else inner
