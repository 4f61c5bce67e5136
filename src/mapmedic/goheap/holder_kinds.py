"""What a large object is that is no map: by its type, and by the words beside the pointer that leads to it.

Facts: src/runtime/chan.go (hchan), container/list/list.go, sync/pool.go and sync/poolqueue.go of Go 1.21 to 1.27.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mapmedic.goheap.heap import GoHeap
from mapmedic.memory.reader import Address
from mapmedic.model.inventory import HolderKind

# hchan: qcount, dataqsiz, buf, elemsize as 16 bits. List: an Element of five words, then its length.
_BUFFER, _LIST_LENGTH = 16, 40
# What the allocator rounds a large object up to.
_PAGE_BYTES = 8192
# poolLocal: private (two words), head and tail of a queue, and nothing in the rest of its 128 bytes.
_POOL_LOCAL_BYTES, _POOL_LOCAL_WORDS = 128, 4
_MOST_PROCESSORS = 1 << 16
_ARRAY = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Large:
    """A large object. ``type`` and its ``name`` where known; the pointer to it is the word ``at``, where known."""

    address: int
    size: int
    shape: str
    type: int
    name: str | None
    at: int | None
    parent_shape: str


# Kind, length, capacity.
What = tuple[HolderKind, int | None, int | None]


def what_it_is(heap: GoHeap, large: Large) -> What:
    """Return (kind, length, capacity) of ``large``: of all that it may be, the one that most speaks for."""
    ways: tuple[Callable[[GoHeap, Large], What | None], ...]
    ways = (_as_channel, _as_slice, _by_name, _as_string, _as_pool, _as_elements)
    found = (way(heap, large) for way in ways)
    return next((what for what in found if what), (HolderKind.OBJECT, None, None))


def _as_channel(heap: GoHeap, large: Large) -> What | None:
    word = heap.memory.word
    if large.shape == "channel":
        return HolderKind.CHANNEL, word(large.address), word(large.address + 8)
    if large.at is None or not (large.parent_shape == "channel" or _is_buffer(heap, large)):
        return None
    return HolderKind.CHANNEL, word(large.at - _BUFFER), word(large.at - _BUFFER + 8)


def _is_buffer(heap: GoHeap, large: Large) -> bool:
    """Tell whether the words around the pointer are a channel whose buffer fills the object."""
    words = heap.memory.words(large.at - _BUFFER, "3QHHI") if large.at else None
    if words is None or not 0 <= words[2] - large.address <= 8:
        return False
    length, capacity, _, element_bytes, _, closed = words
    fits = large.size // 2 < capacity * element_bytes <= large.size
    return fits and length <= capacity and capacity > 1 and closed <= 1


def _as_slice(heap: GoHeap, large: Large) -> What | None:
    words = heap.memory.words(large.at, "3Q") if large.at is not None else None
    if words is None:
        return None
    pointer, length, capacity = words
    begins = 0 <= pointer - large.address <= 8  # behind the header of the object
    fills = large.size // 2 <= capacity * (_element_bytes(heap, large) or 1) <= large.size
    return (HolderKind.SLICE, length, capacity) if begins and fills and 1 < capacity >= length else None


def _element_bytes(heap: GoHeap, large: Large) -> int | None:
    found = heap.types.size(large.type) if large.type else None
    return None if found is None else found[0]


def _by_name(heap: GoHeap, large: Large) -> What | None:
    name = large.name or ""
    if name == "list.List":
        return HolderKind.LIST, heap.memory.word(large.address + _LIST_LENGTH), None
    if name.startswith(("sync.pool", "[]sync.pool")):
        return HolderKind.POOL, None, None
    array = _ARRAY.match(name)
    return (HolderKind.ARRAY, int(array[1]), int(array[1])) if array and _is_one(heap, large) else None


def _is_one(heap: GoHeap, large: Large) -> bool:
    return 2 * (_element_bytes(heap, large) or 0) > large.size


def _as_string(heap: GoHeap, large: Large) -> What | None:
    """Tell a string by its length, which fills an object of which nobody knows a type."""
    words = heap.memory.words(large.at, "2Q") if large.at is not None and not large.type else None
    if words is None or words[0] != large.address or not 0 <= large.size - words[1] < _PAGE_BYTES:
        return None
    return (HolderKind.STRING, words[1], None) if words[1] > _PAGE_BYTES else None


def _as_pool(heap: GoHeap, large: Large) -> What | None:
    """Tell a sync.Pool's stock by its count, and by the room left empty behind that of each processor."""
    words = heap.memory.words(large.at, "2Q") if large.at is not None and not large.type else None
    count = words[1] if words is not None else 0
    taken = count * _POOL_LOCAL_BYTES
    if words is None or not 0 < count <= _MOST_PROCESSORS or not large.size // 2 < taken <= large.size:
        return None
    data = heap.memory.read(Address(words[0]), taken) or b"?"
    used = 8 * _POOL_LOCAL_WORDS
    rests = (data[at + used : at + _POOL_LOCAL_BYTES] for at in range(0, len(data), _POOL_LOCAL_BYTES))
    return None if any(any(rest) for rest in rests) else (HolderKind.POOL, None, None)


def _as_elements(heap: GoHeap, large: Large) -> What | None:
    """Tell the array below a slice whose length nobody says: room for more than one value of its type."""
    each = _element_bytes(heap, large)
    many = large.shape == "values" and each is not None and 0 < 2 * each <= large.size
    return (HolderKind.SLICE, None, None) if many else None
