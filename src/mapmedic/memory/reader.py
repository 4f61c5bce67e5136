"""What was read of a process's memory, as of one moment: the one thing that everything above reads from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol, TypeVar

from mapmedic import _native
from mapmedic.model.inventory import SnapshotMode

Address = NewType("Address", int)
# (address, bytes).
Place = tuple[int, int]
ReadPlaces = Callable[[Sequence[Place]], list[bytes | None]]
Result = TypeVar("Result")


class Again(Protocol):
    """A process that can be read once more: while it runs, or while it stands still for a moment."""

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places`` now, None where it cannot be read."""

    def read_standing(self, ask: Callable[[ReadPlaces], Result]) -> Result | None:
        """Return what ``ask`` makes of reads that are all of one moment; None where that was not to be had."""


@dataclass(frozen=True, slots=True)
class ThreadState:
    """One thread: its id, where it stood, and its other general registers."""

    id: int
    stack_pointer: Address
    instruction_pointer: Address
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of addresses [start, end) and what is mapped there ("" for anonymous memory).

    ``resident_bytes``: how much of it was in RAM; None where nothing says it.
    """

    start: Address
    end: Address
    name: str = ""
    readable: bool = True
    writable: bool = False
    executable: bool = False
    private: bool = True
    inode: int = 0
    resident_bytes: int | None = None

    @property
    def is_anonymous(self) -> bool:
        """Tell whether no file stands behind it and nobody else shares it: what was never touched is zero."""
        return self.inode == 0 and self.private

    @property
    def bytes(self) -> int:
        """Return how many bytes it has."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one process. Unreadable is a value: ``read`` and ``word`` return None, and never guess.

    ``extents`` are all mappings, read or not; ``exe_path`` names those of the program itself. ``unread`` lists
    what should have been there and could not be read; ``remarks`` is what else went less than well; ``notes`` is
    why it was read the way it was.
    ``pause_ns`` is how long the process stood still; ``rss_bytes`` is VmRSS at that time, None where it is not known.
    ``taken_at_unix_ns``: when, by our clock; nothing in it was written later, but where it was read while it ran.
    """

    image: _native.Image
    how: SnapshotMode
    exe_path: str
    extents: tuple[Extent, ...]
    threads: tuple[ThreadState, ...]
    unread: tuple[tuple[Address, Address], ...] = ()
    pause_ns: int = 0
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pid: int | None = None
    rss_bytes: int | None = None
    taken_at_unix_ns: int | None = None

    def read(self, address: int, size: int) -> bytes | None:
        """Return ``size`` bytes at ``address``; None where not all of them are there."""
        if size < 0 or not 0 <= address < 1 << 64:
            return None
        return self.image.read(address, size)

    def read_all(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places``, None where not all of it is there."""
        return [self.read(address, size) for address, size in places]

    def word(self, address: int) -> int | None:
        """Return the little-endian word at ``address``; None where there is none."""
        return self.image.word(address) if 0 <= address < 1 << 64 else None

    def words(self, address: int, layout: str) -> tuple[int, ...] | None:
        """Return what ``layout`` (of module struct, without byte order) says lies at ``address``."""
        raw = self.read(address, struct.calcsize("<" + layout))
        return None if raw is None else struct.unpack("<" + layout, raw)

    def find(
        self, pattern: bytes, start: int, end: int, *, align: int = 1, most: int = 64
    ) -> tuple[Address, ...]:
        """Return the first ``most`` addresses in [start, end) where ``pattern`` lies, at multiples of ``align``."""
        return tuple(Address(at) for at in self.image.find(pattern, start, end, align, most))

    @property
    def program(self) -> tuple[Address, Address]:
        """Return the extent of the program's own mappings, zeroed data behind them included; (0, 0) for none."""
        own = [extent for extent in self.extents if extent.name == self.exe_path]
        if not own:
            return Address(0), Address(0)
        end = max(extent.end for extent in own)
        behind = next((e.end for e in self.extents if e.start == end and e.is_anonymous), end)
        return min(extent.start for extent in own), behind


def image_of(
    descriptor: int, pieces: Sequence[tuple[int, int, int]], resident: bytes | None
) -> _native.Image:
    """Return the image whose ``pieces`` (address, bytes, offset) lie in an open file; it keeps a mapping of its own.

    ``resident``: start and end of each run that was in RAM, as little-endian words. OSError where it cannot be mapped.
    """
    return _native.Image([([descriptor], list(pieces))], resident)
