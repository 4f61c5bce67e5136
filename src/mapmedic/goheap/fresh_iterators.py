"""Iterators on the heap that were made since the look: a reflect.MapIter that a word of a stack or a register leads to.

One step is looked at. Of a reset only those of classic maps matter: a Swiss one sees by clearSeq in the header that the
map was cleared, and looks up what it would yield (src/internal/runtime/maps/table.go, Next). Of entries that go one by
one both do: what an iterator stands on must not go.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.iterators import IteratorTest
from mapmedic.goheap.stack_watch import Standing

# The heap is not further from one of its objects (src/runtime/malloc.go, arena hints: up from the first, 2^40 apart);
# below are the program and its global variables, where they are not above all else.
_REACH, _LEAST = 1 << 40, 1 << 32
# Each is one more place to read in the stop: so many take some milliseconds, and more are read where there is time.
_MOST_WORDS = 4_096
_NS_A_WORD, _SHARE = 1_500, 0.5
# How much of what a word leads to is looked at: a MapIter is 120 bytes, and may lie within something.
_BYTES = 256
_TYPE_AND_MAP, _FROM_MAP = 8, 24


def words_to_heap(test: IteratorTest, held: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return those of the words ``held`` that may lead to an iterator of the map that ``test`` is of, each once."""
    words = np.unique(held)
    return words[(words >= max(_LEAST, test.map - _REACH)) & (words < test.map + _REACH)]


def are_too_many(standing: Standing, words: NDArray[np.uint64]) -> bool:
    """Tell whether what ``words`` lead to cannot be looked at in what is left of the stop."""
    return len(words) > max(_MOST_WORDS, standing.left_ns * _SHARE / _NS_A_WORD)


def fresh_iterators(
    standing: Standing, test: IteratorTest, header: bytes, words: NDArray[np.uint64]
) -> list[bytes]:
    """Return the iterators of the map that one of ``words`` leads to and that have not come to their end."""
    found = standing.read([(at, _BYTES) for at in words.tolist()])
    return [each for raw in found if raw is not None for each in _alive(test, header, raw)]


def _alive(test: IteratorTest, header: bytes, raw: bytes) -> Iterator[bytes]:
    wanted, at = struct.pack("<Q", test.map), 0
    while (at := raw.find(wanted, at)) >= 0:
        begin = at - _FROM_MAP
        if at % 8 == 0 and begin >= 0:
            (before,) = struct.unpack_from("<Q", raw, at - _TYPE_AND_MAP)
            whole = raw[begin:].ljust(test.place(0)[1], b"\0")
            if test.candidates([(at, before)]) and test.is_live(header, whole):
                yield whole
        at += 1
