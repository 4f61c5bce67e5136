"""Which function grows which container, and which other allocations end up in it.

A map's bucket arrays are allocated below its inserting function; the keys and values mostly are not:
a constructor makes the value, a method inserts it. So each other allocation is credited to the
container whose inserting function is nearest in its stack: the inserting function itself, one of
its callers, or a caller that both have in common.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapmedic.diagnose.regrown import regrown_arrays
from mapmedic.model.findings import Site
from mapmedic.model.frames import ContainerKind, grown_container, is_runtime, is_standard_library
from mapmedic.model.heap import HeapProfile, Stack

# How far above the inserting function a common caller may lie, and how deep below it an allocation:
# further apart they have main() in common and little else.
MAX_CALLERS = 3
MAX_CALLEES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """One inserting function and one kind of container it grows.

    ``arrays``: indices of the records that are the container's own memory. ``contents``: indices of
    the records credited to it (keys, values, what they hold). ``lines``: every inserting line seen,
    busiest first. ``stack``: the busiest insertion stack, leaf first.
    """

    kind: ContainerKind
    site: Site
    lines: tuple[int, ...]
    stack: Stack
    arrays: npt.NDArray[np.int64]
    contents: npt.NDArray[np.int64]

    @property
    def records(self) -> npt.NDArray[np.int64]:
        """Return the indices of all records that belong to this container."""
        return np.concatenate([self.arrays, self.contents])


def insertion_index(stack: Stack) -> tuple[int, ContainerKind] | None:
    """Return where in ``stack`` (leaf first) the inserting function stands, and what it grows."""
    kind: ContainerKind | None = None
    for index, frame in enumerate(stack):
        grown = grown_container(frame.function)
        if grown is not None:
            # A sync.Map up to Go 1.23 grows a map inside: the outermost container is the one to name.
            kind = grown
        elif not is_runtime(frame.function):
            return (index, kind) if kind else None
    return None


def find_containers(heap: HeapProfile, slice_array_bytes: int) -> tuple[Container, ...]:
    """Return every container that ``heap`` shows growing, the one that holds most first."""
    groups = _group_arrays(heap, slice_array_bytes)
    contents = _credit(heap, groups)
    containers = [
        _container(heap, key, np.array(records, dtype=np.int64), contents.get(key, []))
        for key, records in groups.items()
    ]
    return tuple(sorted(containers, key=lambda c: -float(heap.inuse_bytes[c.records].sum())))


_Key = tuple[str, ContainerKind]


def _group_arrays(heap: HeapProfile, slice_array_bytes: int) -> dict[_Key, list[int]]:
    groups: dict[_Key, list[int]] = defaultdict(list)
    longest: dict[_Key, int] = defaultdict(int)
    for record, stack in enumerate(heap.stacks):
        found = insertion_index(stack)
        if found is not None:
            key = (stack[found[0]].function, found[1])
            groups[key].append(record)
            longest[key] = max(longest[key], int(heap.object_bytes[record]))
    # Many short slices are values of something else; one long one is a container.
    kept = {
        k: v for k, v in groups.items() if k[1] is not ContainerKind.SLICE or longest[k] >= slice_array_bytes
    }
    for function, records in regrown_arrays(heap, slice_array_bytes).items():
        kept[function, ContainerKind.SLICE] = records
    return kept


def _credit(heap: HeapProfile, groups: dict[_Key, list[int]]) -> dict[_Key, list[int]]:
    taken = {record for records in groups.values() for record in records}
    reach = _reach(heap, groups)
    contents: dict[_Key, list[int]] = defaultdict(list)
    for record, stack in enumerate(heap.stacks):
        if record not in taken:
            key = _nearest(stack, reach)
            if key is not None:
                contents[key].append(record)
    return contents


def _reach(heap: HeapProfile, groups: dict[_Key, list[int]]) -> dict[str, tuple[int, float, _Key]]:
    """Map each function at or shortly above an insertion to its nearest container.

    Returns function -> (callers between it and the insertion, minus bytes, container).
    """
    reach: dict[str, tuple[int, float, _Key]] = {}
    for key, records in groups.items():
        held = -float(heap.inuse_bytes[records].sum())
        for record in records:
            callers = _callers_from(heap.stacks[record], key[0])
            for distance, function in enumerate(callers[: MAX_CALLERS + 1]):
                candidate = (distance, held, key)
                if function not in reach or candidate < reach[function]:
                    reach[function] = candidate
    return reach


def _nearest(stack: Stack, reach: dict[str, tuple[int, float, _Key]]) -> _Key | None:
    functions = _program_functions(stack)
    for depth, function in enumerate(functions[:MAX_CALLEES]):
        if function in reach:
            distance, _, key = reach[function]
            # A goroutine's first function is common to everything that runs in it.
            is_root = depth == len(functions) - 1
            return None if is_root and depth > 0 and distance > 0 else key
    return None


def _callers_from(stack: Stack, function: str) -> list[str]:
    functions = _program_functions(stack)
    return functions[functions.index(function) :] if function in functions else []


def _program_functions(stack: Stack) -> list[str]:
    return [frame.function for frame in stack if not is_standard_library(frame.function)]


def _container(heap: HeapProfile, key: _Key, arrays: npt.NDArray[np.int64], contents: list[int]) -> Container:
    function, kind = key
    bytes_of_line: dict[tuple[str | None, int | None], float] = defaultdict(float)
    for record in arrays.tolist():
        frame = next(frame for frame in heap.stacks[record] if frame.function == function)
        bytes_of_line[frame.file, frame.line] += float(heap.inuse_bytes[record])
    ranked = sorted(bytes_of_line, key=lambda place: -bytes_of_line[place])
    file, line = ranked[0]
    busiest = int(arrays[int(np.argmax(heap.inuse_bytes[arrays]))])
    return Container(
        kind=kind,
        site=Site(function, file, line),
        lines=tuple(number for _, number in ranked if number is not None),
        stack=heap.stacks[busiest],
        arrays=arrays,
        contents=np.array(contents, dtype=np.int64),
    )
