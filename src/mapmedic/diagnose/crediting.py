"""Whose memory an allocation is: the container whose inserting function is nearest in its stack.

Nearest means: the inserting function itself, one of its callers, or a caller that both have in common
(`login` calls `newSession` and `put`). Three things end the search, since beyond them everything has
everything in common: the entry of a goroutine, the place where a library calls back into the program
(a router, a middleware), and distance.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mapmedic.model.frames import ContainerKind, Frame, is_runtime, is_standard_library
from mapmedic.model.heap import HeapProfile, Stack

Key = tuple[str, ContainerKind]

# How far above the inserting function a common caller may lie, and how deep below it an allocation:
# further apart they have main() in common and little else.
MAX_CALLERS = 3
MAX_CALLEES = 8
MAX_CALLEES_OF_COMMON_CALLER = 3


@dataclass
class Crediting:
    """Containers by inserting function, and for every other record the one that it belongs to.

    ``gained``: record -> bytes gained in the window. ``arrays``: container -> its own records.
    """

    heap: HeapProfile
    gained: npt.NDArray[np.float64]
    arrays: dict[Key, list[int]] = field(default_factory=dict)
    # Function at or shortly above an insertion -> (callers in between, minus bytes, container).
    _reach: dict[str, tuple[int, float, Key]] = field(default_factory=dict)

    def add_container(self, key: Key, records: list[int]) -> None:
        """Take ``records`` as arrays of the container ``key`` and let it claim what its callers allocate."""
        self.arrays[key] = sorted({*self.arrays.get(key, ()), *records})
        held = -float(self.heap.inuse_bytes[records].sum())
        for record in records:
            for distance, function in enumerate(_callers_from(self.heap.stacks[record], key[0])):
                candidate = (distance, held, key)
                if function not in self._reach or self._is_nearer(candidate, self._reach[function]):
                    self._reach[function] = candidate

    def _is_nearer(self, one: tuple[int, float, Key], other: tuple[int, float, Key]) -> bool:
        """Tell whether ``one`` has the better claim; of a map and a slice in one function what grows has it."""
        (distance, _, key), (other_distance, _, other_key) = one, other
        if distance == other_distance and key[0] == other_key[0]:
            grown, other_grown = self._array_growth(key), self._array_growth(other_key)
            if grown != other_grown:
                return grown > other_grown
        return one < other

    def _array_growth(self, key: Key) -> float:
        return max(0.0, float(self.gained[self.arrays[key]].sum()))

    def nearest(self, record: int) -> Key | None:
        """Return the container that ``record`` belongs to, None where it is nobody's."""
        stack = self.heap.stacks[record]
        depth = 0
        for index, frame in enumerate(stack):
            if is_standard_library(frame.function):
                continue
            if frame.function in self._reach:
                distance, _, key = self._reach[frame.function]
                deepest = MAX_CALLEES_OF_COMMON_CALLER if distance else MAX_CALLEES
                if depth and _is_goroutine_entry(stack, index):
                    deepest = 0 if distance else 1
                return key if depth <= deepest else None
            depth += 1
            if depth > MAX_CALLEES:
                break
        return None

    def contents(self) -> dict[Key, list[int]]:
        """Return container -> the records that are not its arrays and belong to it all the same."""
        taken = {record for records in self.arrays.values() for record in records}
        contents: dict[Key, list[int]] = defaultdict(list)
        for record in range(len(self.heap.stacks)):
            if record not in taken and (key := self.nearest(record)) is not None:
                contents[key].append(record)
        return contents


def _callers_from(stack: Stack, function: str) -> list[str]:
    """Return the inserting ``function`` and its callers, as far as they stand for this insertion alone."""
    start = next((i for i, frame in enumerate(stack) if frame.function == function), len(stack))
    if start == len(stack) or is_standard_library(function):
        return []
    callers = [function]
    for callee, caller in pairwise(stack[start : start + MAX_CALLERS + 1]):
        if is_library(caller) and not is_library(callee):
            break
        callers.append(caller.function)
    return callers


def is_library(frame: Frame) -> bool:
    """Tell whether ``frame`` is in the standard library or in a module that the program depends on."""
    file = frame.file or ""
    return is_standard_library(frame.function) or "@v" in file or "/vendor/" in file


def _is_goroutine_entry(stack: Stack, index: int) -> bool:
    return all(is_runtime(frame.function) for frame in stack[index + 1 :])
