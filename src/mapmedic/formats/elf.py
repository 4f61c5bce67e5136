"""The headers of a 64-bit ELF file, and the notes of a core: what lies where, and how the threads stood.

Upstream: elf(5); fs/binfmt_elf.c of Linux (fill_files_note, elf_prstatus of amd64). Cores are far larger than
what is read of them: only the headers and the notes are touched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from mmap import mmap

from mapmedic.errors import FormatError
from mapmedic.model.elf import CoreNotes, CoreThread, ElfFile, ElfSegment, MappedFile

_WHAT = "ELF file"
_HEADER_BYTES, _SEGMENT, _SECTION_BYTES = 64, struct.Struct("<IIQQQQQQ"), 64
_LOAD, _NOTE = 1, 4
_AMD64 = 62
_MACHINES = {
    3: "32-bit x86",
    40: "32-bit arm",
    183: "arm64",
    243: "riscv64",
    21: "ppc64",
    22: "s390x",
    258: "loong64",
}
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"\xfd7zXZ": "xz"}
# With more segments than e_phnum holds, their number is in sh_info of the first section.
_MORE_SEGMENTS, _SH_INFO = 0xFFFF, 44
_MOST_SEGMENTS = 1 << 20
_MOST_NOTE_BYTES = 1 << 30
_MOST_FILES = 1 << 20
_PRSTATUS, _AUXV, _FILE = 1, 6, 0x46494C45
_PRSTATUS_PID, _PRSTATUS_REGISTERS = 32, 112
_AT_ENTRY = 9


def parse_elf(data: bytes | mmap) -> ElfFile:
    """Return what ``data`` says is loaded; FormatError where it is no whole ELF header of linux/amd64."""
    head = _header(data)
    first, size, count = head
    if size != _SEGMENT.size:
        raise FormatError(_WHAT, f"its program headers have {size} bytes each, not {_SEGMENT.size}", 54)
    if count == _MORE_SEGMENTS:
        count = _number(data, _number(data, 40, "Q") + _SH_INFO, "I")
    if count > _MOST_SEGMENTS:
        raise FormatError(_WHAT, f"it claims {count:,} segments")
    if first + count * size > len(data):
        raise FormatError(
            _WHAT, f"its {count:,} program headers are not all there: the file is cut off", first
        )
    rows = list(_SEGMENT.iter_unpack(data[first : first + count * size]))
    return ElfFile(
        kind=_number(data, 16, "H"),
        segments=_segments([row for row in rows if row[0] == _LOAD]),
        notes=tuple((row[2], row[5]) for row in rows if row[0] == _NOTE),
    )


def _header(data: bytes | mmap) -> tuple[int, int, int]:
    """Return (offset, size, number) of the program headers."""
    magic = data[:16]
    if not magic:
        raise FormatError(_WHAT, "it is empty", 0)
    if not magic.startswith(b"\x7fELF"):
        packed = next((name for start, name in _PACKED.items() if magic.startswith(start)), None)
        raise FormatError(
            _WHAT, f"it is packed with {packed}; unpack it first" if packed else "it is no ELF file", 0
        )
    if len(data) < _HEADER_BYTES:
        raise FormatError(_WHAT, "its header is cut off", len(data))
    machine = _number(data, 18, "<H" if magic[5] == 1 else ">H")
    if magic[4:6] != b"\x02\x01" or machine != _AMD64:
        name = _MACHINES.get(machine, f"a machine of number {machine}")
        raise FormatError(
            _WHAT, f"it is of {name if machine != _AMD64 else 'a 32-bit program'}; only 64-bit x86 is read"
        )
    return _number(data, 32, "Q"), _number(data, 54, "H"), _number(data, 56, "H")


def _number(data: bytes | mmap, at: int, layout: str) -> int:
    size = struct.calcsize(layout)
    raw = data[at : at + size] if at < len(data) else b""
    if len(raw) < size:
        raise FormatError(_WHAT, "it points outside of itself: cut off, or damaged", at)
    return int(struct.unpack(layout if layout[0] in "<>" else "<" + layout, raw)[0])


def _segments(rows: Sequence[tuple[int, ...]]) -> tuple[ElfSegment, ...]:
    segments = []
    for _, flags, offset, address, _, file_bytes, memory_bytes, _ in rows:
        if file_bytes > memory_bytes or address + memory_bytes > 1 << 64 or offset + file_bytes >= 1 << 63:
            raise FormatError(
                _WHAT, f"the segment at {address:#x} of {memory_bytes:,} bytes contradicts itself"
            )
        rights = bool(flags & 4), bool(flags & 2), bool(flags & 1)
        segments.append(ElfSegment(address, memory_bytes, offset, file_bytes, *rights))
    segments.sort(key=lambda segment: segment.address)
    for one, next_ in pairwise(segments):
        if one.end > next_.address:
            raise FormatError(_WHAT, f"the segments at {one.address:#x} and {next_.address:#x} overlap")
    return tuple(segments)


def parse_core_notes(data: bytes | mmap, elf: ElfFile) -> CoreNotes:
    """Return what the notes of a core say; FormatError where they are missing, cut off or contradict themselves."""
    threads: list[CoreThread] = []
    files: tuple[MappedFile, ...] = ()
    entry = None
    for kind, raw in _notes(data, elf):
        if kind == _PRSTATUS:
            threads.append(_thread(raw))
        elif kind == _FILE:
            files = _files(raw)
        elif kind == _AUXV:
            words = struct.unpack(f"<{len(raw) // 16 * 2}Q", raw[: len(raw) // 16 * 16])
            entry = dict(zip(words[::2], words[1::2], strict=True)).get(_AT_ENTRY)
    if not threads or not files:
        lacks = "threads" if not threads else "mapped files"
        raise FormatError("core", f"it says nothing of its {lacks}: no notes, or cut off")
    return CoreNotes(tuple(threads), files, entry)


def _notes(data: bytes | mmap, elf: ElfFile) -> Iterator[tuple[int, bytes]]:
    for start, size in elf.notes:
        if size > _MOST_NOTE_BYTES or start + size > len(data):
            raise FormatError(
                "core", f"its notes ({size:,} bytes) are not all there: the file is cut off", start
            )
        at, end = start, start + size
        while at + 12 <= end:
            name_bytes, bytes_, kind = struct.unpack("<3I", data[at : at + 12])
            name = at + 12
            begin = name + (name_bytes + 3) // 4 * 4
            at = begin + (bytes_ + 3) // 4 * 4
            if begin + bytes_ > end:
                raise FormatError("core", "a note is longer than all of them", name)
            if data[name : name + 5] == b"CORE\0":
                yield kind, data[begin : begin + bytes_]


def _thread(raw: bytes) -> CoreThread:
    if len(raw) < _PRSTATUS_REGISTERS + 27 * 8:
        raise FormatError("core", f"the state of a thread has {len(raw)} bytes: not of 64-bit x86")
    # struct user_regs_struct, arch/x86/include/asm/user_64.h
    r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, _, rip, _, _, rsp = struct.unpack_from(
        "<20Q", raw, _PRSTATUS_REGISTERS
    )  # fmt: skip
    id_ = struct.unpack_from("<I", raw, _PRSTATUS_PID)[0]
    general = (rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15)
    return CoreThread(id_, rsp, rip, general)


def _files(raw: bytes) -> tuple[MappedFile, ...]:
    """Return what NT_FILE lists: a count, the unit of offsets, (start, end, offset) each, then the names."""
    if len(raw) < 16:
        raise FormatError("core", "its list of mapped files is cut off")
    count, unit = struct.unpack_from("<2Q", raw)
    if count > _MOST_FILES or 16 + count * 24 > len(raw) or unit > 1 << 21:
        raise FormatError("core", f"its list claims {count:,} mapped files")
    names = raw[16 + count * 24 :].split(b"\0", count)
    if len(names) < count:
        raise FormatError("core", "its list of mapped files lacks names")
    rows = struct.iter_unpack("<3Q", raw[16 : 16 + count * 24])
    files = [
        MappedFile(start, end, offset * unit, name.decode("utf-8", "replace"))
        for (start, end, offset), name in zip(rows, names[:count], strict=True)
    ]
    if any(file.end <= file.start or file.offset >= 1 << 63 for file in files):
        raise FormatError("core", "its list of mapped files contradicts itself")
    return tuple(files)
