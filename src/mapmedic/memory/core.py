"""Read a process's memory from its ELF core, of the kernel or of gcore; nothing is copied, the file is mapped.

A core leaves out what it thinks is on disk anyway: the program's text and constants come from the program's
file, once its first page has been held against the core's.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mapmedic import _native
from mapmedic.errors import CoreUnreadable, FormatError
from mapmedic.formats.elf import parse_core_notes, parse_elf
from mapmedic.memory.core_program import CoreProgram, find_program
from mapmedic.memory.reader import Address, Extent, Memory, ThreadState
from mapmedic.model.elf import CoreNotes, ElfFile, ElfKind, ElfSegment, MappedFile
from mapmedic.model.inventory import SnapshotMode

OpenFile = Callable[[Path], BinaryIO]
Piece = tuple[int, int, int]
# Above lies the kernel's own (vsyscall).
_USER_END = 1 << 47
# Zeros that a core claims without holding them: one file without a byte in it stands for all of them, again and
# again. What is larger is address space that was set aside, not memory.
_ZEROS, _MOST_ZEROS = 1 << 26, 1 << 38


@dataclass(frozen=True, slots=True)
class Core:
    """The memory in a core, and the file of the program that it is of; None where that is not there."""

    memory: Memory
    program: Path | None


def read_core(path: Path, open_file: OpenFile, exe: Path | None = None) -> Core:
    """Return the memory of the core at ``path``; ``exe`` is the program's file, by default looked for.

    ``open_file`` opens for reading what is a regular file, and raises CannotRead. CoreUnreadable where ``path`` is
    no core of linux/amd64, contradicts itself, or needs the program's file and that is not found.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        size = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
        try:
            elf = _parse(data)
            notes = parse_core_notes(data, elf)
        except FormatError as error:
            raise CoreUnreadable(str(path), error.why) from error
        held = _held(elf, size)
        _require_stacks(path, held, notes)
        program = find_program(path, exe, notes, held, data, open_file)
        files = [([file.fileno()], [(s.address, s.file_bytes, s.offset) for s in held])]
        if program.file is not None:
            files.append(([stack.enter_context(program.file).fileno()], list(program.pieces)))
        zeros = stack.enter_context(tempfile.TemporaryFile(prefix="mapmedic-zeros-"))
        files.append(([zeros.fileno()], _zeros(elf, notes, zeros)))
        return Core(_memory(_mapped(path, files), elf, notes, program, size), program.path)


def _mapped(path: Path, files: list[tuple[list[int], list[Piece]]]) -> _native.Image:
    try:
        return _native.Image(files)
    except (OSError, MemoryError) as error:
        raise CoreUnreadable(str(path), f"it cannot be mapped: {error}") from error


def _parse(data: bytes | mmap.mmap) -> ElfFile:
    elf = parse_elf(data)
    if elf.kind in (ElfKind.EXECUTABLE, ElfKind.SHARED):
        raise FormatError("core", "it is a program, not a core of one; name a program with --exe")
    if elf.kind != ElfKind.CORE:
        raise FormatError("core", f"it is an ELF file of type {elf.kind}, no core")
    return elf


def _held(elf: ElfFile, size: int) -> tuple[ElfSegment, ...]:
    """Return the parts of segments that are really in a file of ``size`` bytes."""
    parts = []
    for segment in elf.segments:
        there = min(segment.file_bytes, size - segment.offset)
        if there > 0 and segment.end <= _USER_END:
            parts.append(ElfSegment(segment.address, there, segment.offset, there))
    return tuple(parts)


def _require_stacks(path: Path, held: Sequence[ElfSegment], notes: CoreNotes) -> None:
    """Raise CoreUnreadable where not one thread's stack is in the core: then no data is either."""
    starts = [segment.address for segment in held]
    for thread in notes.threads:
        at = bisect_right(starts, thread.stack_pointer) - 1
        if at >= 0 and thread.stack_pointer < held[at].end:
            return
    why = (
        "no stack of its threads is in it: cut off, or written with a coredump_filter that leaves memory out"
    )
    raise CoreUnreadable(str(path), why)


def _zeros(elf: ElfFile, notes: CoreNotes, file: BinaryIO) -> list[Piece]:
    """Return what is zero because the core claims memory without bytes and no file stands behind it."""
    file.truncate(_ZEROS)
    mapped = {each.start for each in notes.files}
    claimed = [
        (s.address + s.file_bytes, s.end)
        for s in elf.segments
        if s.readable and 0 < s.memory_bytes - s.file_bytes <= _MOST_ZEROS
        and s.address not in mapped and s.end <= _USER_END
    ]  # fmt: skip
    if sum(end - start for start, end in claimed) > _MOST_ZEROS:
        return []
    return [(at, min(_ZEROS, end - at), 0) for start, end in claimed for at in range(start, end, _ZEROS)]


def _memory(image: _native.Image, elf: ElfFile, notes: CoreNotes, program: CoreProgram, size: int) -> Memory:
    threads = tuple(
        ThreadState(t.id, Address(t.stack_pointer), Address(t.instruction_pointer), t.registers)
        for t in notes.threads
    )
    cut = [s for s in elf.segments if s.offset + s.file_bytes > size]
    missing = sum(s.offset + s.file_bytes - max(s.offset, size) for s in cut)
    whole = sum(s.file_bytes for s in elf.segments)
    words = f"the core is cut off: {missing:,} of its {whole:,} bytes of memory are missing"
    return Memory(
        image=image,
        how=SnapshotMode.CORE,
        exe_path=program.name,
        extents=tuple(_extents(elf, notes)),
        threads=threads,
        unread=tuple((Address(s.address + max(0, size - s.offset)), Address(s.end)) for s in cut),
        remarks=program.remarks + ((words,) if cut else ()),
    )


def _extents(elf: ElfFile, notes: CoreNotes) -> Iterator[Extent]:
    """Yield every mapping: gcore lists no segment for what it leaves to the program's file."""
    files = {each.start: each for each in notes.files}
    found = [_extent(segment, files.pop(segment.address, None)) for segment in elf.segments]
    found += [
        Extent(Address(each.start), Address(each.end), each.name, inode=1)
        for each in files.values() if not any(e.start < each.end and each.start < e.end for e in found)
    ]  # fmt: skip
    yield from sorted(found, key=lambda extent: extent.start)


def _extent(segment: ElfSegment, file: MappedFile | None) -> Extent:
    return Extent(
        start=Address(segment.address),
        end=Address(segment.end),
        name=file.name if file else "",
        readable=segment.readable,
        writable=segment.writable,
        executable=segment.executable,
        inode=1 if file else 0,
    )
