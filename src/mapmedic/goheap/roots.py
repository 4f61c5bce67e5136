"""Where the garbage collector begins: global variables, goroutine stacks, registers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mapmedic.goheap.runtime import Runtime, Section
from mapmedic.memory.reader import Address, Memory

_LEAST_POINTER = 1 << 16
_MOST_STACK_BYTES = 1 << 31
_STACK_IN_REGISTERS = 0


class RootKind(StrEnum):
    """What holds a root."""

    GLOBAL = "global"
    STACK = "stack"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class Root:
    """One root: the address it lies at (0 for a register), and whose it is (a goroutine's or thread's id)."""

    kind: RootKind
    at: Address
    of: int = 0


@dataclass(frozen=True, slots=True)
class Roots:
    """All words that may be pointers: root number -> word, and by block what they are.

    Globals are exact: the runtime's own masks say which words are pointers. Stacks and registers are taken as
    they are: a number there that looks like a pointer keeps an object alive that nothing needs.
    """

    words: np.ndarray
    addresses: np.ndarray
    blocks: tuple[tuple[int, RootKind, int], ...]
    stacks: tuple[tuple[Address, Address], ...]
    stack_owners: tuple[int, ...]

    def root(self, number: int) -> Root:
        """Return what root ``number`` is."""
        _, kind, of = self.blocks[self._block(number)]
        return Root(kind, Address(int(self.addresses[number])), of)

    def alike(self, number: int) -> tuple[Address, ...]:
        """Return where the words of the same stack lie that lead where root ``number`` does, in order of address."""
        return self.holders(number, int(self.words[number]))

    def holders(self, number: int, value: int) -> tuple[Address, ...]:
        """Return where ``value`` lies on the stack that root ``number`` is on, in order of address."""
        block = self._block(number)
        begin, end = self.blocks[block][0], len(self.words)
        if block + 1 < len(self.blocks):
            end = self.blocks[block + 1][0]
        places = self.addresses[begin:end][self.words[begin:end] == value]
        return tuple(Address(place) for place in places.tolist())

    def stack_of(self, address: Address) -> tuple[int, int] | None:
        """Return (goroutine id, number of its first root) of the stack that ``address`` is on; None for none."""
        of = next(
            (
                of
                for (low, high), of in zip(self.stacks, self.stack_owners, strict=True)
                if low <= address < high
            ),
            None,
        )
        first = (first for first, kind, whose in self.blocks if kind is RootKind.STACK and whose == of)
        return None if of is None else (of, next(first))

    def _block(self, number: int) -> int:
        return bisect_right(self.blocks, number, key=lambda block: block[0]) - 1


def find_roots(memory: Memory, runtime: Runtime) -> tuple[Roots, tuple[str, ...]]:
    """Return the roots, and a sentence for each that could not be read."""
    parts: list[tuple[RootKind, int, np.ndarray, np.ndarray]] = []
    unread: list[str] = []
    for section in runtime.sections:
        part = _section_words(memory, section)
        if part is None:
            unread.append(f"global variables at {section.start:#x}")
        else:
            parts.append((RootKind.GLOBAL, 0, *part))
    for goroutine in runtime.goroutines:
        stack = _stack(memory, runtime, goroutine)
        if stack is None:
            unread.append(f"the stack of the goroutine at {goroutine:#x}")
        elif stack[1].size:
            parts.append((RootKind.STACK, *stack))
    for thread in memory.threads:
        words = np.array(thread.registers, dtype="<u8")
        parts.append((RootKind.REGISTER, thread.id, words, np.zeros_like(words)))
    return _join(parts), tuple(unread)


def _join(parts: list[tuple[RootKind, int, np.ndarray, np.ndarray]]) -> Roots:
    blocks, words, addresses, stacks, owners, count = [], [], [], [], [], 0
    for kind, of, values, places in parts:
        may_be = values >= _LEAST_POINTER
        blocks.append((count, kind, of))
        if kind is RootKind.STACK:
            stacks.append((Address(int(places[0])), Address(int(places[-1]) + 8)))
            owners.append(of)
        words.append(values[may_be])
        addresses.append(places[may_be])
        count += int(may_be.sum())
    empty = np.zeros(0, dtype="<u8")
    return Roots(
        np.concatenate([empty, *words]),
        np.concatenate([empty, *addresses]),
        tuple(blocks),
        tuple(stacks),
        tuple(owners),
    )


def _section_words(memory: Memory, section: Section) -> tuple[np.ndarray, np.ndarray] | None:
    raw = memory.read(section.start, section.end - section.start)
    if raw is None:
        return None
    words = np.frombuffer(raw, dtype="<u8", count=len(raw) // 8)
    is_pointer = np.unpackbits(np.frombuffer(section.mask, np.uint8), bitorder="little")[: words.size].astype(
        bool
    )
    places = np.nonzero(is_pointer)[0].astype("<u8")
    return words[is_pointer], places * np.uint64(8) + np.uint64(section.start)


def _stack(memory: Memory, runtime: Runtime, goroutine: Address) -> tuple[int, np.ndarray, np.ndarray] | None:
    """Return (id, words, their addresses) of the used part of a goroutine's stack; None where it cannot be read."""
    g = runtime.layout.goroutine
    bounds, sp = memory.words(goroutine, "2Q"), memory.word(goroutine + g.scheduled_sp)
    id_ = memory.word(goroutine + g.id)
    if bounds is None or sp is None or id_ is None:
        return None
    low, high = bounds
    empty = np.zeros(0, dtype="<u8")
    if low == high == 0:
        return id_, empty, empty  # dead, its stack given back
    # Who runs right now is where its thread is, not where it was scheduled last.
    running = [t.stack_pointer for t in memory.threads if low <= t.stack_pointer < high]
    start = min([sp, *running]) if low < sp <= high else min(running, default=low)
    raw = memory.read(start, high - start) if high - start < _MOST_STACK_BYTES else None
    if raw is None:
        return None
    words = np.frombuffer(raw, dtype="<u8", count=len(raw) // 8)
    return id_, words, np.arange(words.size, dtype="<u8") * np.uint64(8) + np.uint64(start)
