"""The live entries of a sync.Map, in both designs: where each key and each value lies."""

from __future__ import annotations

from mapmedic.goheap.descriptors import ANY, Descriptor, Descriptors
from mapmedic.goheap.slots import LiveSlots, SlotLayout, read_slots
from mapmedic.memory.reader import Address, Memory

# src/internal/sync/hashtriemap.go: root in the map; dead and children of an inner node; isEntry of any; of an entry.
_ROOT, _CHILDREN, _FAN_OUT = 16, 24, 16
_OVERFLOW, _KEY = 8, 16
_MOST_DEPTH = 17
# src/sync/map.go up to Go 1.23: read and dirty of the map; amended of what read leads to.
_READ, _DIRTY, _AMENDED = 8, 16, 8
# The map[any]*entry inside: bucket (classic) or group (Swiss).
_CLASSIC = SlotLayout(False, 208, 8, 16, 136, 8, key_indirect=False, elem_indirect=True)
_SWISS = SlotLayout(True, 200, 8, 24, 24, 24, key_indirect=False, elem_indirect=True)


def sync_types(descriptors: Descriptors, map_type: int) -> tuple[Descriptor, Descriptor]:
    """Return the types of key and value: of a sync.Map any, of the runtime's own tries what their type says."""
    words = descriptors.types.memory.words(map_type + 48, "2Q") if map_type else None
    key, value = (descriptors.at(word) for word in words) if words else (None, None)
    return key or ANY, value or ANY


def trie_entries(memory: Memory, header: int, key: Descriptor, most: int) -> LiveSlots | None:
    """Return the entries of the trie at ``header``, ``most`` of them; None where its root cannot be read."""
    root = memory.word(header + _ROOT)
    if root is None:
        return None
    value = (_KEY + key.size + 7) // 8 * 8
    keys: list[Address] = []
    due, seen = [(root, 0)] if root else [], set[int]()
    while due and len(keys) < most:
        node, depth = due.pop()
        head = memory.words(node, "?")
        if head is None or node in seen or depth > _MOST_DEPTH:
            continue
        seen.add(node)
        if head[0]:
            keys.append(Address(node + _KEY))
            behind = memory.word(node + _OVERFLOW)
            due += [(behind, depth)] if behind else []
            continue
        children = memory.words(node + _CHILDREN, f"{_FAN_OUT}Q") or ()
        due += [(child, depth + 1) for child in children if child]
    return LiveSlots(len(keys), tuple(keys), tuple(Address(at - _KEY + value) for at in keys))


def two_map_entries(memory: Memory, header: int, slots: int, most: int, *, swiss: bool) -> LiveSlots | None:
    """Return the entries of a sync.Map of the old design, of at most ``slots`` slots; None where it cannot be read."""
    read, dirty = memory.word(header + _READ), memory.word(header + _DIRTY)
    if read is None or dirty is None:
        return None
    amended = memory.read(read + _AMENDED, 1) if read else None
    inner = dirty if amended == b"\1" else memory.word(read) if read else dirty
    if not inner:
        return LiveSlots(0, (), ())
    found = read_slots(memory, inner, _SWISS if swiss else _CLASSIC, slots=slots, most=most)
    if found is None:
        return None
    # An entry leads to its value; what was deleted leads to nothing.
    pairs = [(key, memory.word(entry)) for key, entry in zip(found.keys, found.elems, strict=True) if entry]
    live = [(key, Address(value)) for key, value in pairs if value]
    return LiveSlots(len(live), tuple(key for key, _ in live), tuple(value for _, value in live))
