"""The words that lead to something in the heap: as long as they hold what they held, it is the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.roots import RootKind

_WORD = 8
# Address of a word, and what it held.
LeadingWords = tuple[tuple[int, bytes], ...]


def leading_words(heap: GoHeap, address: int) -> LeadingWords:
    """Return the words that lead to the object at ``address``, a root on a stack aside (``stack_holder``).

    HeapUnreadable where nothing leads to it.
    """
    way, words = heap.survey.way(address), heap.survey.way_words(address)
    if not way or words is None:
        raise HeapUnreadable(f"nothing leads to what lies at {address:#x}")
    root = heap.roots.root(way[0][1])
    places = (root.at, *words) if root.kind is RootKind.GLOBAL else tuple(words)
    held = [heap.memory.read(place, _WORD) for place in places]
    if None in held:
        raise HeapUnreadable(f"what leads to {address:#x} cannot be read")
    return tuple((place, each) for place, each in zip(places, held, strict=True) if each is not None)


def places_of(words: LeadingWords) -> list[tuple[int, int]]:
    """Return what is to be read of ``words``."""
    return [(at, len(held)) for at, held in words]


def still_lead(words: LeadingWords, found: Sequence[bytes | None]) -> bool:
    """Tell whether ``words`` hold what they held, by what was ``found`` at their places."""
    return tuple(found) == tuple(held for _, held in words)
