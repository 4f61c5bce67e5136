"""All goroutines of a process, those that stand at the same place and came from the same place together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mapmedic import _native
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.stacks import End, Stacks
from mapmedic.memory.reader import Memory
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup

# src/runtime/runtime2.go: _Gidle, _Gdead, _Gdeadextra (from Go 1.26); the bit is set while a stack is scanned.
_NONE = frozenset((0, 6, 11))
_SCAN_BIT = 0x1000
# src/runtime/traceback.go, isSystemGoroutine: what begins in the runtime is its own, but for these.
_RUNTIME, _OF_THE_PROGRAM = "runtime.", ("runtime.main", "runtime.corostart", "runtime.handleAsyncEvent")
_MOST_FRAMES = 64
# What every goroutine ends in says nothing.
_BOTTOM = "runtime.goexit"


@dataclass(frozen=True, slots=True)
class _Place:
    """What goroutines have in common: their call addresses, innermost first, where they began, who started them."""

    calls: bytes
    is_whole: bool
    began: int
    created: int


def list_goroutines(heap: GoHeap) -> tuple[GoroutineDump, int]:
    """Return the program's goroutines, and the bytes of their stacks."""
    places, stack_bytes = _places(heap.memory, heap.runtime, heap.stacks)
    named = _Names(heap.stacks.code, places)
    groups = [
        named.group(place, count) for place, count in places.items() if not named.is_runtimes_own(place)
    ]
    groups.sort(key=lambda group: -group.count)
    return GoroutineDump(tuple(groups), sum(group.count for group in groups), truncated=False), stack_bytes


def _places(memory: Memory, runtime: Runtime, stacks: Stacks) -> tuple[Counter[_Place], int]:
    g, found, stack_bytes = runtime.layout.goroutine, Counter[_Place](), 0
    for index, goroutine in enumerate(runtime.goroutines):
        status = memory.words(goroutine + g.status, "I")
        began, created = memory.word(goroutine + g.began_at), memory.word(goroutine + g.created_at)
        if status is None or began is None or created is None or status[0] & ~_SCAN_BIT in _NONE:
            continue
        begin, end = int(stacks.frame_start[index]), int(stacks.frame_start[index + 1])
        calls = stacks.call[begin : min(end, begin + _MOST_FRAMES)].tobytes()
        is_whole = 0 < end - begin <= _MOST_FRAMES and End(int(stacks.end[index])).is_complete
        found[_Place(calls, is_whole, began, created)] += 1
        low, high = memory.words(goroutine, "2Q") or (0, 0)
        stack_bytes += max(0, high - low)
    return found, stack_bytes


class _Names:
    """The frames at each address that ``places`` have."""

    def __init__(self, code: _native.GoCode, places: Counter[_Place]) -> None:
        addresses = sorted(
            {
                address
                for place in places
                for address in (*_words(place.calls), place.began, max(0, place.created - 1))
            }
        )
        named = code.frames(np.array(addresses, dtype="<u8").tobytes())
        starts = np.frombuffer(named["frame_start"], dtype="<i8").tolist()
        function, file, line = (
            np.frombuffer(named[name], dtype="<i4").tolist() for name in ("function", "file", "line")
        )
        frames = [
            GoroutineFrame(named["names"][f], named["files"][p], max(0, n))
            for f, p, n in zip(function, file, line, strict=True)
        ]
        self._at = {
            address: tuple(frames[begin:end])
            for address, (begin, end) in zip(addresses, pairwise(starts), strict=True)
        }

    def group(self, place: _Place, count: int) -> GoroutineGroup:
        """Return ``count`` goroutines at ``place``; where it is not known how they stand there, where they began."""
        frames = [frame for call in _words(place.calls) for frame in self._at[call]]
        frames = [frame for frame in frames if frame.function != _BOTTOM] or list(self._at[place.began][:1])
        creator = next(iter(self._at[max(0, place.created - 1)]), None)
        if creator is not None and creator.function.startswith(_RUNTIME):
            creator = None
        return GoroutineGroup(count, "", 0, 0, tuple(frames), creator, (), 0, elided=not place.is_whole)

    def is_runtimes_own(self, place: _Place) -> bool:
        """Tell whether goroutines at ``place`` began in the runtime."""
        began = next(iter(self._at[place.began]), GoroutineFrame("", "", 0)).function
        return began.startswith(_RUNTIME) and began not in _OF_THE_PROGRAM


def _words(calls: bytes) -> list[int]:
    words: list[int] = np.frombuffer(calls, dtype="<u8").tolist()
    return words
