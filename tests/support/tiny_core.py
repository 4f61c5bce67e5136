"""Small cores and programs of no real process, laid out as the kernel lays them out."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

LOAD, NOTE = 1, 4
PROGRAM, CORE = 2, 4
AMD64 = 62
TEXT, DATA, STACK = 0x400000, 0x500000, 0x7FFF00000000
PAGE = 4096


@dataclass(frozen=True)
class Part:
    """One PT_LOAD; ``claims`` overrides what its header says: offset, address, file_bytes, memory_bytes."""

    address: int
    data: bytes
    memory_bytes: int | None = None
    flags: int = 6
    claims: dict[str, int] = field(default_factory=dict)


def elf(kind: int, parts: tuple[Part, ...], notes: bytes = b"", **header: int) -> bytes:
    """Return an ELF file; ``header`` overrides machine, bits (1: 32, 2: 64), count, first."""
    count = len(parts) + bool(notes)
    at = 64 + 56 * count
    rows, body = b"", b""
    if notes:
        rows += struct.pack("<IIQQQQQQ", NOTE, 0, at, 0, 0, len(notes), 0, 4)
        body += notes
    for part in parts:
        body += bytes(-(at + len(body)) % (PAGE if part.data else 1))
        claims = {
            "offset": at + len(body), "address": part.address, "file_bytes": len(part.data),
            "memory_bytes": len(part.data) if part.memory_bytes is None else part.memory_bytes, **part.claims,
        }  # fmt: skip
        rows += struct.pack(
            "<IIQQQQQQ", LOAD, part.flags, claims["offset"], claims["address"], 0,
            claims["file_bytes"], claims["memory_bytes"], PAGE,
        )  # fmt: skip
        body += part.data
    ident = b"\x7fELF" + bytes((header.get("bits", 2), 1, 1)) + bytes(9)
    return (
        ident
        + struct.pack(
            "<HHIQQQIHHHHHH", kind, header.get("machine", AMD64), 1, TEXT, header.get("first", 64), 0, 0, 64, 56,
            header.get("count", count), 64, 0, 0,
        )
        + rows
        + body
    )  # fmt: skip


def note(kind: int, data: bytes) -> bytes:
    return struct.pack("<3I", 5, len(data), kind) + b"CORE\0\0\0\0" + data + bytes(-len(data) % 4)


def thread(id_: int = 7, stack_pointer: int = STACK + 64) -> bytes:
    registers = [0] * 27
    registers[19], registers[16], registers[10] = stack_pointer, TEXT + 16, 0xAAAA
    return note(
        1, bytes(32) + struct.pack("<I", id_) + bytes(76) + struct.pack("<27Q", *registers) + bytes(8)
    )


def files(*rows: tuple[int, int, int, str], unit: int = PAGE) -> bytes:
    """Return NT_FILE of (start, end, offset in bytes, name)."""
    head = struct.pack("<2Q", len(rows), unit)
    table = b"".join(struct.pack("<3Q", start, end, offset // unit) for start, end, offset, _ in rows)
    return note(0x46494C45, head + table + b"".join(name.encode() + b"\0" for *_, name in rows))


def auxv(entry: int = TEXT + 16) -> bytes:
    return note(6, struct.pack("<4Q", 9, entry, 0, 0))


def program(text: bytes = b"text") -> bytes:
    """Return a program of one page of text (its headers with it) and one of data."""
    empty = elf(PROGRAM, (Part(TEXT, b"", flags=5), Part(DATA, b"")))
    first = empty + text + bytes(PAGE - len(empty) - len(text))
    head = elf(
        PROGRAM,
        (
            Part(TEXT, b"", flags=5, claims={"offset": 0, "file_bytes": PAGE, "memory_bytes": PAGE}),
            Part(DATA, b"", claims={"offset": PAGE, "file_bytes": PAGE, "memory_bytes": 2 * PAGE}),
        ),
    )
    return head + first[len(head) :] + b"data".ljust(PAGE, b"\1")


def core(
    name: str, *, parts: tuple[Part, ...] | None = None, first_page: bytes | None = None, **header: int
) -> bytes:
    """Return a core of ``program()`` at ``name``, its text left out but for ``first_page``."""
    notes = thread() + auxv() + files((TEXT, TEXT + PAGE, 0, name), (DATA, DATA + PAGE, PAGE, name))
    page = program()[:PAGE] if first_page is None else first_page
    usual = (
        Part(TEXT, page, PAGE, flags=5),
        Part(DATA, b"DATA".ljust(PAGE, b"\2")),
        Part(DATA + PAGE, b"", PAGE),
        Part(STACK, bytes(range(256)) * 16),
    )
    return elf(CORE, usual if parts is None else parts, notes, **header)
