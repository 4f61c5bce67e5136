"""A made-up Go program of three functions: the least that has every table, for what real ones cannot show.

    main.main           0x401000  calls main.outer, which calls main.inner; both are inlined (main.go:10, 20, 30)
    main.Of[...]        0x401040  (gen.go:5)
    runtime.deferreturn 0x401080  ends at TEXT_END

It cannot run. Real programs are in tests/oracle.
"""

from __future__ import annotations

import struct

TEXT, TEXT_END = 0x401000, 0x4010C0
INLINED_CALL = 0x401010
RODATA, DATA = 0x400000, 0x800000
LAYOUTS = ("1.20", "1.26", "1.27")
BUILD_INFO = (
    "path\tmain\nmod\texample.org/svc\t(devel)\t\ndep\texample.org/a\tv1.2.3\th1:x=\n"
    '=>\texample.org/b\tv1.2.4\th1:y=\nbuild\t-compiler=gc\nbuild\t-ldflags="-s -w -X main.v=\\"1\\""\n'
)
_MACHINES = {"amd64": (62, 8), "arm64": (183, 1027)}


def tiny_go_program(
    layout: str = "1.27", *, relocated: bool = False, magic: int = 0xFFFFFFF1, machine: str = "amd64"
) -> bytes:
    """Return the bytes of the program; ``relocated`` leaves the moduledata to the loader, as a PIE does."""
    code, relative = _MACHINES[machine]
    table, offsets, tree = _pclntab(magic, 1 if machine == "amd64" else 4)
    head_bytes = 64 + 56 * 3
    pclntab = RODATA + head_bytes
    data_offset = head_bytes + len(table)
    module = _moduledata(layout, pclntab, offsets, len(table), pclntab + tree)
    info = _build_info()
    words = {DATA + 8 * index: word for index, word in enumerate(module) if relocated and word >= RODATA}
    module = [0 if relocated and word >= RODATA else word for word in module]
    rela = b"".join(struct.pack("<QQq", place, relative, word) for place, word in words.items())
    body = struct.pack(f"<{len(module)}Q", *module)
    dynamic_at = len(body) + len(info)
    rela_at = dynamic_at + 48
    dynamic = struct.pack("<6Q", 7, DATA + rela_at, 8, len(rela), 0, 0)
    data = body + info + dynamic + rela
    loads = [
        _load(1, 5, 0, RODATA, data_offset),
        _load(1, 6, data_offset, DATA, len(data)),
        _load(2, 6, data_offset + dynamic_at, DATA + dynamic_at, len(dynamic)),
    ]
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    kind = 3 if relocated else 2
    header = ident + struct.pack("<HHIQQQIHHHHHH", kind, code, 1, TEXT, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    return header + b"".join(loads) + table + data


def _load(kind: int, flags: int, offset: int, address: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size, 8)


def _pclntab(magic: int, quantum: int) -> tuple[bytes, list[int], int]:
    """Return the table, where its parts begin and end, and where its inline tree begins."""
    names, at_name = _strings(
        "", "main.main", "main.outer", "main.inner", "main.Of[go.shape.int]", "runtime.deferreturn"
    )
    files, at_file = _strings("main.go", "gen.go", "runtime/panic.go")
    units = struct.pack("<3I", *(at_file[name] for name in ("main.go", "gen.go", "runtime/panic.go")))
    values = bytearray(1)
    tables = {}
    for name, runs in _VALUES.items():
        tables[name] = len(values)
        values += _pc_values(runs, quantum)
    tree = b"".join(
        struct.pack("<B3xiii", 0, at_name[name], parent, line)
        for name, parent, line in (("main.outer", 0x30, 19), ("main.inner", 0x20, 29))
    )
    functions = [
        (0x00, "main.main", ("sp", "file0", "lines"), (0, 0, tables["inlined"]), 9, 0),
        (0x40, "main.Of[go.shape.int]", ("sp", "file1", "line5"), (), 4, 0),
        (0x80, "runtime.deferreturn", ("sp", "file2", "line5"), (), 5, 23),
    ]
    records = bytearray()
    functab = bytearray()
    start = 8 * len(functions) + 4
    for entry, name, (sp, file, line), pcdata, start_line, number in functions:
        functab += struct.pack("<II", entry, start + len(records))
        funcdata = (0xFFFFFFFF,) * 3 + (0,) if pcdata else ()
        words = (
            entry,
            at_name[name],
            0,
            0,
            tables[sp],
            tables[file],
            tables[line],
            len(pcdata),
            0,
            start_line,
        )
        records += struct.pack("<10I", *words) + struct.pack("<BBBB", number, 0, 0, len(funcdata))
        records += struct.pack(f"<{len(pcdata) + len(funcdata)}I", *pcdata, *funcdata)
    functab += struct.pack("<I", TEXT_END - TEXT)
    parts = [names, units, files, bytes(values), bytes(functab + records)]
    offsets = [72]
    for part in parts:
        offsets.append(offsets[-1] + len(part) + -len(part) % 8)
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    header = struct.pack("<IHBB8Q", magic, 0, quantum, 8, len(functions), 3, 0, *offsets[:5])
    return header + body + tree, offsets, offsets[-1]


# Table -> (value, bytes for which it holds).
_VALUES = {
    "sp": [(0, 8), (24, 0x30), (0, 8)],
    "inlined": [(-1, 0x10), (1, 0x10), (0, 0x10), (-1, 0x10)],
    "file0": [(0, 0x40)],
    "file1": [(1, 0x40)],
    "file2": [(2, 0x40)],
    "lines": [(11, 0x10), (30, 0x10), (20, 0x10), (10, 0x10)],
    "line5": [(5, 0x40)],
}


def _pc_values(runs: list[tuple[int, int]], quantum: int) -> bytes:
    out, last = bytearray(), -1
    for value, size in runs:
        delta = value - last
        out += _varint((delta << 1) ^ (delta >> 63)) + _varint(size // quantum)
        last = value
    return bytes(out + b"\0")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _strings(*words: str) -> tuple[bytes, dict[str, int]]:
    out, places = bytearray(), {}
    for word in words:
        places[word] = len(out)
        out += word.encode() + b"\0"
    return bytes(out), places


def _moduledata(layout: str, pclntab: int, offsets: list[int], size: int, gofunc: int) -> list[int]:
    words = [0] * 64
    words[0] = pclntab
    for slot, part, unit in ((1, 0, 1), (4, 1, 4), (7, 2, 1), (10, 3, 1), (13, 4, 1)):
        length = (offsets[part + 1] - offsets[part]) // unit
        words[slot : slot + 3] = [pclntab + offsets[part], length, length]
    words[16:19] = [pclntab + offsets[4], 4, 4]
    words[20:24] = [TEXT, TEXT_END, TEXT, TEXT_END]
    at = {"1.20": (40, None, 41), "1.26": (40, 41, 42), "1.27": (43, 44, 45)}[layout]
    words[at[0]] = gofunc
    if at[1]:
        words[at[1]] = pclntab + size
    words[at[2] : at[2] + 3] = [DATA + 60 * 8, 1, 1]
    words[60:63] = [0, TEXT_END - TEXT, TEXT]
    return words


def _build_info() -> bytes:
    version, modules = b"go1.27.3", bytes(16) + BUILD_INFO.encode() + bytes(16)
    blob = b"\xff Go buildinf:\x08\x02" + bytes(16)
    blob += _varint(len(version)) + version + _varint(len(modules)) + modules
    return blob + bytes(-len(blob) % 8)
