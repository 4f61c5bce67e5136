"""A word of a process whose changes are waited for, and a thread that was caught right behind one."""

from __future__ import annotations

from dataclasses import dataclass

ALL_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Bits:
    """The bits ``mask`` of a word, which are to be ``value``."""

    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class WatchedWord:
    """Four bytes at ``address``, and the changes (from, to) of them that are waited for.

    ``summands``: what the program may add to it at once. What was added is told by the processor's flags alone, so
    these should be few, and make different flags.
    """

    address: int
    summands: tuple[int, ...]
    wanted: tuple[tuple[Bits, Bits], ...]


@dataclass(frozen=True, slots=True)
class CaughtWrite:
    """``thread`` stands right behind the instruction that wrote the four bytes at ``address``.

    It has done nothing since. They held ``old``; ``new`` is what it may have written: one value, or several that the
    same flags go with.
    """

    thread: int
    address: int
    old: int
    new: tuple[int, ...]
