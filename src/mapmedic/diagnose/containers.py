"""Which function grows which container, and which other allocations end up in it.

A map's bucket arrays are allocated below its inserting function; the keys and values mostly are not:
a constructor makes the value, a method inserts it. So each other allocation is credited to the
container whose inserting function is nearest in its stack (``crediting``). What looks like a container
but is a value of another one, a small map or one of many long slices, is credited likewise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapmedic.diagnose.crediting import Crediting, Key
from mapmedic.diagnose.regrown import regrown_arrays
from mapmedic.model.findings import Site
from mapmedic.model.frames import (
    ContainerKind,
    Frame,
    fills_for_its_caller,
    grown_container,
    is_runtime,
    is_standard_library,
)
from mapmedic.model.heap import HeapProfile, Stack

Indices = npt.NDArray[np.int64]

# A map of a thousand entries has an array of 8 KiB or more in either design: what never had one this long is
# a small map, most likely a value of something (a request's headers, a session's attributes).
_MAP_ARRAY_BYTES = 4096
# One growing slice holds one long array (its estimate may say a few); up to a shard's worth may be slices.
_ARRAYS_OF_ONE_SLICE = 5
_ARRAYS_OF_SHARDS = 16


@dataclass(frozen=True, slots=True)
class Link:
    """Why contents are credited that no stack connects: in words, as a weight, as found, and who says so."""

    text: str
    weight: float
    found: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """One inserting function and one kind of container it grows.

    ``arrays``: indices of the records that are the container's own memory; ``array_lines``: array -> the
    line that inserted (0 where unknown). ``contents``: indices of the records credited to it (keys, values,
    what they hold). ``site``: the busiest inserting line. ``stack``: the busiest insertion stack, leaf first.
    ``links``: why contents from elsewhere are credited to it. Without arrays it is too small to be sampled.
    """

    kind: ContainerKind
    site: Site
    stack: Stack
    arrays: Indices
    array_lines: Indices
    contents: Indices
    links: tuple[Link, ...] = ()
    longest_array_bytes: int = 0

    @property
    def small_maps(self) -> bool:
        """Tell whether these are maps none of which has an array of the length that a large map has."""
        return self.kind is ContainerKind.MAP and 0 < self.longest_array_bytes < _MAP_ARRAY_BYTES

    @property
    def records(self) -> Indices:
        """Return the indices of all records that belong to this container."""
        return np.concatenate([self.arrays, self.contents])


def insertion_index(stack: Stack) -> tuple[int, ContainerKind] | None:
    """Return where in ``stack`` (leaf first) the inserting function stands, and what it grows.

    A library function that fills its caller's container is passed over, unless no program function follows.
    """
    kind: ContainerKind | None = None
    delegate: int | None = None
    for index, frame in enumerate(stack):
        grown = grown_container(frame.function)
        if grown is not None and delegate is None:
            # A sync.Map up to Go 1.23 grows a map inside: the outermost container is the one to name.
            kind = grown
        elif kind is ContainerKind.SLICE and delegate is None and is_runtime(frame.function):
            return None  # the runtime's own slice: its heap of timers grows below time.AfterFunc
        elif not _is_hidden(frame):
            if kind is None:
                return None
            if not fills_for_its_caller(frame.function, kind) and (
                delegate is None or not is_standard_library(frame.function)
            ):
                return index, kind
            delegate = index if delegate is None else delegate
    return (delegate, kind) if kind is not None and delegate is not None else None


def _is_hidden(frame: Frame) -> bool:
    """Tell whether ``frame`` is the runtime's, or one of its own that nobody could name."""
    return is_runtime(frame.function) or (frame.restored and frame.function.startswith("0x"))


def find_containers(
    heap: HeapProfile, slice_array_bytes: int, gained: npt.NDArray[np.float64] | None = None
) -> tuple[Container, ...]:
    """Return every container that ``heap`` shows growing, the one that holds most first.

    ``gained``: record -> bytes gained in the window, where there was one.
    """
    crediting = Crediting(heap, np.zeros(len(heap.stacks)) if gained is None else gained)
    perhaps: list[tuple[Key, list[int]]] = []
    for key, records in _insertions(heap).items():
        own, sure = _own_arrays(heap, key[1], records, slice_array_bytes)
        if own and sure:
            crediting.add_container(key, own)
        elif own:
            perhaps.append((key, own))
    for function, records in regrown_arrays(heap, slice_array_bytes).items():
        crediting.add_container((function, ContainerKind.SLICE), records)
    for key, records in perhaps:
        # Nothing larger claims it, so it is no value.
        if not any(crediting.nearest(record) for record in records):
            crediting.add_container(key, records)
    contents = crediting.contents()
    containers = [_container(heap, key, own, contents[key]) for key, own in crediting.arrays.items()]
    return tuple(sorted(containers, key=lambda c: -float(heap.inuse_bytes[c.records].sum())))


def _insertions(heap: HeapProfile) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = defaultdict(list)
    for record, stack in enumerate(heap.stacks):
        found = insertion_index(stack)
        if found is not None:
            groups[stack[found[0]].function, found[1]].append(record)
    return groups


def _own_arrays(
    heap: HeapProfile, kind: ContainerKind, records: list[int], slice_array_bytes: int
) -> tuple[list[int], bool]:
    """Return which of ``records`` are a container's own memory, and whether that is sure.

    Where it is not they may be values of another container.
    """
    if kind is ContainerKind.SYNC_MAP:
        return records, True
    if kind is ContainerKind.MAP:
        return records, int(heap.object_bytes[records].max()) >= _MAP_ARRAY_BYTES
    long = [record for record in records if heap.object_bytes[record] >= slice_array_bytes]
    held = float(heap.inuse_objects[long].sum())
    return (long if held <= _ARRAYS_OF_SHARDS else []), held <= _ARRAYS_OF_ONE_SLICE


def _container(heap: HeapProfile, key: Key, records: list[int], contents: Iterable[int]) -> Container:
    function, kind = key
    arrays = np.array(records, dtype=np.int64)
    frames = [next(frame for frame in heap.stacks[r] if frame.function == function) for r in records]
    bytes_of_place: dict[tuple[str | None, int | None], float] = defaultdict(float)
    for frame, held in zip(frames, heap.inuse_bytes[arrays].tolist(), strict=True):
        bytes_of_place[frame.file, frame.line] += held
    file, line = max(bytes_of_place, key=lambda place: bytes_of_place[place])
    return Container(
        kind=kind,
        site=Site(function, file, line),
        stack=heap.stacks[records[int(np.argmax(heap.inuse_bytes[arrays]))]],
        arrays=arrays,
        array_lines=np.array([frame.line or 0 for frame in frames], dtype=np.int64),
        contents=np.array(list(contents), dtype=np.int64),
        longest_array_bytes=int(heap.object_bytes[arrays].max()),
    )
