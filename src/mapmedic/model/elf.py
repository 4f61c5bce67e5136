"""What an ELF file says lies where, and what a core says of the process that it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ElfKind(IntEnum):
    """e_type of the kinds that matter here."""

    EXECUTABLE = 2
    SHARED = 3  # a position-independent program is one too
    CORE = 4


@dataclass(frozen=True, slots=True)
class ElfSegment:
    """``memory_bytes`` at ``address``; the first ``file_bytes`` of them are those of the file from ``offset`` on."""

    address: int
    memory_bytes: int
    offset: int
    file_bytes: int
    readable: bool = True
    writable: bool = False
    executable: bool = False

    @property
    def end(self) -> int:
        """Return the first address behind it."""
        return self.address + self.memory_bytes


@dataclass(frozen=True, slots=True)
class ElfFile:
    """What is loaded, in order of address and without overlap; ``notes`` are (offset, bytes) in the file."""

    kind: int
    segments: tuple[ElfSegment, ...]
    notes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CoreThread:
    """One thread as it stood: ``registers`` are rax rbx rcx rdx rsi rdi rbp r8 to r15."""

    id: int
    stack_pointer: int
    instruction_pointer: int
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MappedFile:
    """[start, end) was mapped from ``offset`` of the file ``name`` on."""

    start: int
    end: int
    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class CoreNotes:
    """What the notes of a core say. ``entry``: where the program began to run; None where nothing says it."""

    threads: tuple[CoreThread, ...]
    files: tuple[MappedFile, ...]
    entry: int | None
