"""Which program a core is of, and whether a file is that program."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mapmedic.errors import CannotRead, CoreUnreadable, FormatError
from mapmedic.formats.elf import parse_elf
from mapmedic.model.elf import CoreNotes, ElfFile, ElfKind, ElfSegment, MappedFile

_PAGE = 4096
_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class CoreProgram:
    """The program's name in the core, its file (open, to be closed), and what of it was mapped where."""

    name: str
    path: Path | None = None
    file: BinaryIO | None = None
    pieces: tuple[tuple[int, int, int], ...] = ()
    remarks: tuple[str, ...] = ()


def find_program(
    core: Path, exe: Path | None, notes: CoreNotes, held: Sequence[ElfSegment], data: bytes | mmap.mmap,
    open_file: Callable[[Path], BinaryIO],
) -> CoreProgram:  # fmt: skip
    """Return the program of a core: ``exe``, else the file that the core names, else one of that name beside it.

    CoreUnreadable where ``exe`` cannot be read or is another program, or where none was found and the core does
    not hold all of it.
    """
    name = _name(notes)
    mapped = tuple(file for file in notes.files if file.name == name)
    page = _first_page(mapped, held, data)
    failures = []
    for path in (exe,) if exe else _places(core, name):
        try:
            file = open_file(path)
        except CannotRead as error:
            failures.append(str(error))
            continue
        why = _why_not(file, mapped, page)
        if why is None:
            unsure = () if page else (f"that {path} is the program: the core does not hold its first page",)
            return CoreProgram(name, path, file, tuple(_pieces(file, mapped)), unsure)
        file.close()
        failures.append(f"{path} is not the program of this core: {why}")
    lacking = f"names of variables: no file of the program {name} ({'; '.join(failures)})"
    if exe is None and all(any(h.address <= m.start and m.end <= h.end for h in held) for m in mapped):
        return CoreProgram(name, remarks=(lacking,))
    raise CoreUnreadable(str(core), f"its program {name} is needed as well: {'; '.join(failures)}")


def _name(notes: CoreNotes) -> str:
    """Return what the core calls the file that the program's first instruction was in."""
    entry = notes.entry or 0
    return next((file.name for file in notes.files if file.start <= entry < file.end), notes.files[0].name)


def _places(core: Path, name: str) -> Iterator[Path]:
    path = Path(name.removesuffix(_DELETED))
    if not name.endswith(_DELETED) and path.is_absolute():
        yield path
    yield core.parent / path.name


def _first_page(mapped: Sequence[MappedFile], held: Sequence[ElfSegment], data: bytes | mmap.mmap) -> bytes:
    """Return the program's first page as the core has it; b"" where it has not. Headers and build ids are there."""
    start = next((file.start for file in mapped if file.offset == 0), None)
    for segment in held:
        if segment.address == start and segment.file_bytes >= _PAGE:
            return data[segment.offset : segment.offset + _PAGE]
    return b""


def _why_not(file: BinaryIO, mapped: Sequence[MappedFile], page: bytes) -> str | None:
    """Return why ``file`` cannot be what was mapped; None where nothing speaks against it."""
    size = os.fstat(file.fileno()).st_size
    if not size:
        return "it is empty"
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as program:
        try:
            elf = parse_elf(program)
        except FormatError as error:
            return error.why
        if elf.kind not in (ElfKind.EXECUTABLE, ElfKind.SHARED):
            return "it is no program"
        if page and page != program[:_PAGE]:
            return "its headers or its build id are others"
        return None if all(_is_loaded(elf, each) for each in mapped) else "its segments are others"


def _is_loaded(elf: ElfFile, mapped: MappedFile) -> bool:
    """Tell whether segments of the program, rounded to pages, have the part of the file that was mapped.

    One mapping may be of two that adjoin: what a position-independent program has read-only after its relocation ends
    within a page, and that page stays writable, as the data behind it is.
    """
    reached, last = mapped.offset, mapped.offset + mapped.end - mapped.start
    for segment in sorted(elf.segments, key=lambda each: each.offset):
        if segment.offset // _PAGE * _PAGE <= reached:
            reached = max(reached, -(-(segment.offset + segment.file_bytes) // _PAGE) * _PAGE)
    return last <= reached


def _pieces(file: BinaryIO, mapped: Sequence[MappedFile]) -> Iterator[tuple[int, int, int]]:
    size = os.fstat(file.fileno()).st_size
    for each in mapped:
        there = min(each.end - each.start, size - each.offset)
        if there > 0:
            yield each.start, there, each.offset
