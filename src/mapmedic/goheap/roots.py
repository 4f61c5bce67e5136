"""Where the garbage collector begins: global variables, goroutine stacks, registers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mapmedic.goheap.program import Section
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.saved_registers import saved_registers
from mapmedic.goheap.stacks import Stacks, StackWords
from mapmedic.memory.reader import Address, Memory

_LEAST_POINTER = 1 << 16


class RootKind(StrEnum):
    """What holds a root."""

    GLOBAL = "global"
    STACK = "stack"
    REGISTER = "register"
    SPECIAL = "special"


@dataclass(frozen=True, slots=True)
class Root:
    """One root: the address it lies at (0 for a register), and whose it is (a goroutine's or thread's id)."""

    kind: RootKind
    at: Address
    of: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """All words that the collector begins with: root number -> word, and the address it lies at (0 for a register).

    ``before`` are the words that lie before them. In this order: global variables, the live pointers of stacks, and
    from ``certain`` on what may be a pointer or a number that looks like one: innermost frames and registers of
    what runs. ``first_of_stacks``, ``first_of_registers`` -> root number.
    """

    words: np.ndarray
    addresses: np.ndarray
    before: np.ndarray
    first_of_stacks: int
    certain: int
    first_of_registers: int
    register_owners: tuple[int, ...]
    stacks: Stacks

    def root(self, number: int) -> Root:
        """Return what root ``number`` is; behind those here come finalizers and cleanups, which lie at no address."""
        if number >= self.words.size:
            return Root(RootKind.SPECIAL, Address(0))
        address = Address(int(self.addresses[number]))
        if number < self.first_of_stacks:
            return Root(RootKind.GLOBAL, address)
        if number < self.first_of_registers:
            return Root(RootKind.STACK, address, int(self.stacks.id[self._goroutine(number)]))
        return Root(RootKind.REGISTER, address, self.register_owners[number - self.first_of_registers])

    def alike(self, number: int) -> tuple[Address, ...]:
        """Return where the words of the same stack lie that lead where root ``number`` does, in order of address."""
        return self.holders(self._goroutine(number), int(self.words[number]))

    def holders(self, goroutine: int, value: int) -> tuple[Address, ...]:
        """Return where ``value`` lies among the roots of stack number ``goroutine``, in order of address."""
        places: list[int] = []
        for first, part in self._parts():
            begin, end = part.start[goroutine], part.start[goroutine + 1]
            words = self.words[first + begin : first + end]
            places += self.addresses[first + begin : first + end][words == value].tolist()
        return tuple(Address(place) for place in sorted(places))

    def _goroutine(self, number: int) -> int:
        first, part = self._parts()[number >= self.certain]
        return int(np.searchsorted(part.start, number - first, side="right")) - 1

    def _parts(self) -> tuple[tuple[int, StackWords], tuple[int, StackWords]]:
        return (self.first_of_stacks, self.stacks.certain), (self.certain, self.stacks.doubtful)


def find_roots(memory: Memory, runtime: Runtime, stacks: Stacks) -> tuple[Roots, tuple[str, ...]]:
    """Return the roots, and a sentence for each part that could not be read."""
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    unread: list[str] = []
    for section in runtime.sections:
        part = _section_words(memory, section)
        if part is None:
            unread.append(f"global variables at {section.start:#x}")
        else:
            parts.append(part)
    first_of_stacks = sum(part[0].size for part in parts)
    parts += [(part.word, part.address, part.before) for part in (stacks.certain, stacks.doubtful)]
    registers, owners = _register_words(memory, stacks)
    parts.append((registers, np.zeros_like(registers), np.zeros_like(registers)))
    words, addresses, before = (np.concatenate(column) for column in zip(*parts, strict=True))
    roots = Roots(
        words=words,
        addresses=addresses,
        before=before,
        first_of_stacks=first_of_stacks,
        certain=first_of_stacks + stacks.certain.word.size,
        first_of_registers=first_of_stacks + stacks.certain.word.size + stacks.doubtful.word.size,
        register_owners=owners,
        stacks=stacks,
    )
    return roots, (*unread, *stacks.unread())


def _register_words(memory: Memory, stacks: Stacks) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the registers of the threads that run a goroutine, and the thread of each: nobody saved those."""
    running = {int(thread) for thread in stacks.thread[stacks.thread != 0]}
    found = [
        (word, thread.id) for thread in memory.threads if thread.id in running for word in thread.registers
    ]
    saved = saved_registers(lambda places: [memory.read(*each) for each in places], stacks)
    found += [(word, each[0]) for each in saved if each for word in each[1].tolist()]
    found = [(word, thread) for word, thread in found if word >= _LEAST_POINTER]
    return np.array([word for word, _ in found], dtype="<u8"), tuple(thread for _, thread in found)


def _section_words(memory: Memory, section: Section) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return what may be pointers among the global variables: the words, their addresses, the words before them."""
    raw = memory.read(section.start, section.end - section.start)
    if raw is None:
        return None
    words = np.frombuffer(raw, dtype="<u8", count=len(raw) // 8)
    bits = np.unpackbits(np.frombuffer(section.mask, np.uint8), bitorder="little")
    places = np.nonzero(bits[: words.size].astype(bool) & (words >= _LEAST_POINTER))[0]
    addresses = places.astype("<u8") * np.uint64(8) + np.uint64(section.start)
    return words[places], addresses, np.where(places > 0, words[places - 1], 0).astype("<u8")
