"""A second way to where the runtime keeps its heap: what its own code names, beside what its structures look like."""

from __future__ import annotations

from mapmedic import _native
from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.runtime import PAGES_IN_USE, Runtime
from mapmedic.memory.reader import Memory

# src/runtime/malloc.go, mallocinit, initialises mheap_; src/runtime/proc.go, allgadd, appends to allgs.
_OF_THE_HEAP, _OF_GOROUTINES = "runtime.mallocinit", "runtime.allgadd"
# mheap.allspans, the same from Go 1.21 to 1.27.
ALLSPANS = 65864


def confirm_runtime(memory: Memory, runtime: Runtime, code: _native.GoCode) -> tuple[str, ...]:
    """Return a sentence for each place that the program's code says nothing of.

    HeapUnreadable where the code names other places than those that were found.
    """

    def is_heap(at: int) -> bool:
        spans = memory.words(at + ALLSPANS, "2Q")
        pages = memory.word(at + ALLSPANS + PAGES_IN_USE)
        return (spans, pages) == ((runtime.allspans, runtime.spans), runtime.pages_in_use)

    def is_allgs(at: int) -> bool:
        return memory.words(at, "2Q") == (runtime.allgs, len(runtime.goroutines))

    doubts = []
    for what, function, agrees in (
        ("heap spans", _OF_THE_HEAP, is_heap),
        ("goroutines", _OF_GOROUTINES, is_allgs),
    ):
        named = code.operands(function, *runtime.variables)
        if named is None:
            doubts.append(f"a second look at where the list of {what} is: the program has no {function}")
        elif not any(agrees(at) for at in named):
            raise HeapUnreadable(
                f"the list of {what} that looks like one is not the one that {function} works on: "
                "mapmedic reads neither"
            )
    return tuple(doubts)
