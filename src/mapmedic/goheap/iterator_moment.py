"""What stacks and iterators say of a map at a moment: does anybody iterate over it, what does everybody stand on?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.fresh_iterators import are_too_many, fresh_iterators, words_to_heap
from mapmedic.goheap.iterators import IteratorTest
from mapmedic.goheap.saved_registers import registers_of
from mapmedic.goheap.stack_watch import Standing
from mapmedic.goheap.stacks import Stacks, StackWords
from mapmedic.model.safe_moment import Hindrance, Unsafe

# Of an iterator: its key and its element.
_STANDS_ON = 16


def held_words(standing: Standing, stacks: Stacks) -> NDArray[np.uint64] | Unsafe:
    """Return every word of stacks and registers: what somebody may be about to use as a pointer."""
    registers = registers_of(standing.read, standing.threads, stacks)
    if isinstance(registers, Unsafe):
        return registers
    return np.concatenate([stacks.certain.word, stacks.doubtful.word, *(words for _, words in registers)])


def judge_iterators(
    standing: Standing, test: IteratorTest, header: bytes, stacks: Stacks, held: NDArray[np.uint64]
) -> str | Unsafe:
    """Return a sentence on how it is known that none is alive; ``held`` as ``held_words`` has it."""
    for words in (stacks.certain, stacks.doubtful):
        holding = np.flatnonzero(words.word == test.map)
        at, before = words.address[holding].tolist(), words.before[holding].tolist()
        candidates = test.candidates(zip(at, before, strict=True))
        found = standing.read([test.place(each) for each in candidates])
        for word, raw in zip(candidates, found, strict=True):
            if test.is_live(header, raw):
                who = _whose(words, int(np.flatnonzero(words.address == word)[0]), stacks)
                return Unsafe(Hindrance.ITERATOR, f"goroutine {who} is iterating over the map", who)
    fresh = _judge_fresh(standing, test, header, held)
    if isinstance(fresh, Unsafe):
        return fresh
    count = len(stacks.certain.word) + len(stacks.doubtful.word)
    return f"no iterator of the map in {count:,} words of stacks, nor where one was on the heap; {fresh}"


def words_stood_on(
    standing: Standing,
    test: IteratorTest,
    header: bytes,
    held: NDArray[np.uint64],
    iterators: Sequence[bytes],
) -> NDArray[np.uint64] | Unsafe:
    """Return ``held`` and the keys and elements of iterators on the heap: of ``iterators``, and of those made since.

    Unsafe where there is no time to look for the latter: whoever stands on an entry would find it cleared.
    """
    words = words_to_heap(test, held)
    if are_too_many(standing, words):
        why = f"{len(words):,} words of stacks lead to the heap, more than can be followed in a stop"
        return Unsafe(Hindrance.TOO_SLOW, f"{why}: let it be longer (--max-stop)")
    alive = (*iterators, *fresh_iterators(standing, test, header, words))
    stands_on = np.frombuffer(b"".join(raw[:_STANDS_ON] for raw in alive), dtype="<u8")
    return np.concatenate([held, stands_on])


def _judge_fresh(
    standing: Standing, test: IteratorTest, header: bytes, held: NDArray[np.uint64]
) -> str | Unsafe:
    """Return a sentence on iterators on the heap that were made since the look; Unsafe where one is alive."""
    if test.shape.swiss:
        return "one that was made since would see that the map was cleared"
    words = words_to_heap(test, held)
    if are_too_many(standing, words):
        return f"what {len(words):,} words of stacks lead to was not looked at: one that was made since is not seen"
    if fresh_iterators(standing, test, header, words):
        return Unsafe(Hindrance.ITERATOR, "an iterator of the map lives on the heap")
    return f"none where {len(words):,} words of stacks lead to"


def _whose(words: StackWords, index: int, stacks: Stacks) -> int:
    return int(stacks.id[int(np.searchsorted(words.start, index, side="right")) - 1])
