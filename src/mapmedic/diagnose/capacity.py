"""How many entries a map has room for, by the sizes of its arrays.

A classic map (up to Go 1.23) has one array of 2^B buckets of 8 slots, with a sixteenth more for overflow from
B = 4 on; a Swiss map (from Go 1.24) has tables of 2^n groups of 8 slots, 1,024 slots at most, and a table is
split only when it has that many (src/runtime/map.go, src/internal/runtime/maps/table.go).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.containers import Container
from mapmedic.model.findings import Evidence, Suspect
from mapmedic.model.frames import ContainerKind
from mapmedic.model.heap import HeapProfile, Stack

_SLOTS_OF_A_SPLIT_TABLE = 1024
_SLOTS = 8
_WORD = 8
# A key or value longer than this is kept outside the array, a pointer to it inside.
_LONGEST_INLINE = 128
_MOST_ERROR = 0.5
_CLAIM = "room for entries in its arrays (capacity)"
_SIZES = {
    "bool": 1, "byte": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "rune": 4,
    "float32": 4, "int": 8, "uint": 8, "int64": 8, "uint64": 8, "uintptr": 8, "float64": 8, "complex128": 16,
    "string": 16, "any": 16, "error": 16, "interface{}": 16, "interface {}": 16, "struct{}": 0, "struct {}": 0,
    "time.Time": 24, "time.Duration": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a key and its value take together, and how they are aligned, in bytes."""

    bytes: int
    align: int


_POINTER = _Layout(_WORD, _WORD)


def capacity_of(case: Case, suspect: Suspect, container: Container) -> tuple[Evidence, ...]:
    """Return how many entries there is room for, or that it takes the types to say; nothing for other kinds."""
    if case.history is None or container.kind is not ContainerKind.MAP or not len(container.arrays):
        return ()
    heap = case.history.heap
    arrays = [r for r in container.arrays.tolist() if _design(heap.stacks[r]) and heap.sampled_inuse[r]]
    if not arrays:
        return ()
    room = _room(heap, arrays, suspect.type)
    if room is None:
        why = "not known without the types of key and value (--source or the agent)"
        return (Evidence(_CLAIM, why, None, "sizes of its arrays"),)
    slots, error, source = room
    if error > _MOST_ERROR:
        return (Evidence(_CLAIM, "too few of its arrays were sampled to say", None, source),)
    found = [Evidence(f"{_CLAIM}, give or take {error:.0%}", round(slots), None, source, "entries")]
    if suspect.entries is not None and slots:
        found.append(Evidence("part of that room in use", suspect.entries / slots, None, "agent", "share"))
    return tuple(found)


def _room(heap: HeapProfile, arrays: list[int], type_: str | None) -> tuple[float, float, str] | None:
    """Return (slots, relative standard deviation, how that is known)."""
    layout = _layout(type_) if type_ else None
    split = [int(heap.object_bytes[r]) for r in arrays if any(".split" in f.function for f in heap.stacks[r])]
    if layout is not None:
        slots_of = {r: _slots(int(heap.object_bytes[r]), layout, _design(heap.stacks[r])) for r in arrays}
        source = f"sizes of its arrays, a slot of {type_} is {layout.bytes} bytes"
    elif split:
        slots_of = {r: _like_a_split_table(int(heap.object_bytes[r]), max(split)) for r in arrays}
        source = "sizes of its tables: one that was split has 1,024 slots"
    else:
        return None
    total, variance = 0.0, 0.0
    for record, slots in slots_of.items():
        objects, seen = float(heap.inuse_objects[record]), int(heap.sampled_inuse[record])
        stands_for = objects / seen
        total += slots * objects
        variance += slots**2 * seen * stands_for * max(0.0, stands_for - 1.0)
    return (total, math.sqrt(variance) / total, source) if total else None


def _design(stack: Stack) -> str | None:
    """Return which design the array that ``stack`` allocates is of; None for what is no array of slots."""
    for frame in stack:
        if frame.function.endswith(("maps.newarray", "maps.newGroups")):
            return "swiss"
        if frame.function == "runtime.makeBucketArray":
            return "classic"
    return None


def _slots(size: int, layout: _Layout, design: str | None) -> int:
    """Return how many slots an array of ``size`` bytes, as the allocator rounds it, has."""
    if design == "classic":
        # Top hashes, keys, values, overflow pointer; the overflow buckets in stock are slots, too.
        return _SLOTS * (size // _up(_SLOTS + _SLOTS * layout.bytes + _WORD, _WORD))
    groups = size / (_WORD + _SLOTS * _up(layout.bytes, layout.align))
    return _SLOTS * 2 ** int(math.log2(groups)) if groups >= 1 else 0


def _up(size: int, align: int) -> int:
    return -(-size // align) * align


def _like_a_split_table(size: int, split: int) -> int:
    return int(_SLOTS_OF_A_SPLIT_TABLE * 2.0 ** round(math.log2(size / split)))


def _layout(type_: str) -> _Layout | None:
    """Return what one key and one value of ``map[K]V`` take, None where that needs a declaration."""
    text, depth = type_.strip(), 0
    if not text.startswith("map["):
        return None
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if depth == 0 and letter == "]":
            key, value = _laid_out(text[len("map[") : index].strip()), _laid_out(text[index + 1 :].strip())
            return _Layout(key.bytes + value.bytes, max(key.align, value.align)) if key and value else None
    return None


def _laid_out(type_: str) -> _Layout | None:
    if type_.startswith(("*", "map[", "chan ", "<-chan ", "func(")):
        return _POINTER
    if type_.startswith("[]"):
        return _Layout(3 * _WORD, _WORD)
    if (array := re.match(r"\[(\d{1,6})\]", type_)) is not None:
        element = _laid_out(type_[array.end() :].strip())
        if element is None:
            return None
        whole = int(array.group(1)) * element.bytes
        return _POINTER if whole > _LONGEST_INLINE else _Layout(whole, element.align)
    size = _SIZES.get(type_)
    return None if size is None else _Layout(size, min(_WORD, max(1, size)))
