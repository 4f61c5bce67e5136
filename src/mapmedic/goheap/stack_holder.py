"""The goroutine that alone leads to something in the heap: when it is gone, that may be something else.

A word of the heap says what it leads to until it is freed and given out anew. Where the way begins with a global
variable, every word of it is looked at again. Where it begins on a stack, that word may be anything at the next moment,
so it is asked whether that goroutine has a word still that leads to the first object on the way. Numbers of goroutines
are not used twice (src/runtime/proc.go, newproc1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.roots import RootKind
from mapmedic.goheap.saved_registers import registers_of
from mapmedic.goheap.stack_watch import Standing
from mapmedic.goheap.stacks import End, Stacks
from mapmedic.model.safe_moment import Hindrance, Unsafe


@dataclass(frozen=True, slots=True)
class StackHolder:
    """Goroutine ``goroutine`` has a word in [``low``, ``high``], which leads to what is watched."""

    goroutine: int
    low: int
    high: int

    def judge(self, standing: Standing, stacks: Stacks) -> str | Unsafe:
        """Return a sentence where it has such a word still, Unsafe where it has none or is no more."""
        who = self.goroutine
        numbers = np.flatnonzero((stacks.id == who) & (stacks.end != End.NO_STACK))
        if not len(numbers):
            return Unsafe(
                Hindrance.MOVED, f"goroutine {who}, which alone led to the map, is gone: look again", who
            )
        number = int(numbers[0])
        for words in (stacks.certain, stacks.doubtful):
            if self._leads(words.word[words.start[number] : words.start[number + 1]]):
                return f"goroutine {who} holds it still"
        registers = registers_of(standing.read, standing.threads, stacks)
        if isinstance(registers, Unsafe):
            return registers
        thread = int(stacks.thread[number])
        if thread and any(self._leads(words) for of, words in registers if of == thread):
            return f"goroutine {who} holds it still"
        return Unsafe(
            Hindrance.MOVED,
            f"goroutine {who}, which alone led to the map, leads there no more: look again",
            who,
        )

    def _leads(self, words: NDArray[np.uint64]) -> bool:
        return bool(((words >= self.low) & (words <= self.high)).any())


def judge_same(
    holder: StackHolder | None, seed: bytes, seed_now: bytes, standing: Standing, stacks: Stacks
) -> str | Unsafe:
    """Return how it is known that this is the map that was looked at; its memory may have been given out anew.

    ``seed`` is what it drew at random, nothing where it draws none.
    """
    if holder is None:
        return "what led to it from a global variable leads to it still"
    if seed and seed_now == seed:
        return "it has the seed that the map had when it was looked at"
    return holder.judge(standing, stacks)


def stack_holder(heap: GoHeap, address: int) -> StackHolder | None:
    """Return who leads to the object at ``address`` from its stack; None where a global variable does.

    HeapUnreadable where nothing does, or nothing that can be looked at again.
    """
    way = heap.survey.way(address)
    if not way:
        raise HeapUnreadable(f"nothing leads to what lies at {address:#x}")
    number = way[0][1]
    root = heap.roots.root(number)
    if root.kind is RootKind.GLOBAL:
        return None
    who = _goroutine(heap, root.of) if root.kind is RootKind.REGISTER else root.of
    if root.kind is RootKind.SPECIAL or who is None:
        raise HeapUnreadable(f"only a finalizer, or nobody who is known, leads to what lies at {address:#x}")
    first = way[1][0] if len(way) > 1 else address
    word = int(heap.roots.words[number])
    return StackHolder(who, min(first, word), max(first, word))


def _goroutine(heap: GoHeap, thread: int) -> int | None:
    """Return the goroutine that ``thread`` ran."""
    running = heap.stacks.id[heap.stacks.thread == thread].tolist()
    return int(running[0]) if running else None
