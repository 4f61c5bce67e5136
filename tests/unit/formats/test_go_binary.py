"""A Go program's tables, on a made-up program; real ones of every Go version are in tests/oracle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.go_binary import GoBinary, parse_build_info
from mapmedic.model.go_binary import GoModule
from tests.support.tiny_go_program import INLINED_CALL, LAYOUTS, TEXT, TEXT_END, tiny_go_program


def frames_at(binary: GoBinary, *pcs: int) -> list[list[tuple[str, str, int, int]]]:
    found = binary.frames(np.array(pcs, dtype=np.uint64))
    columns = (found.function, found.file, found.line, found.start_line)
    rows = [
        (found.names[function], found.files[file], line, start)
        for function, file, line, start in zip(*(c.tolist() for c in columns), strict=True)
    ]
    bounds = found.frame_start.tolist()
    return [rows[begin:end] for begin, end in itertools.pairwise(bounds)]


INLINED = [
    ("main.inner", "main.go", 30, 29),
    ("main.outer", "main.go", 20, 19),
    ("main.main", "main.go", 10, 9),
]


@pytest.mark.parametrize("relocated", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_inlined_calls_unfold_in_every_layout(layout: str, relocated: bool) -> None:
    binary = GoBinary(tiny_go_program(layout, relocated=relocated))
    assert binary.facts.layout == layout
    assert binary.facts.position_independent is relocated
    assert frames_at(binary, INLINED_CALL, TEXT, 0x401050) == [
        INLINED,
        [("main.main", "main.go", 11, 9)],
        [("main.Of[...]", "gen.go", 5, 4)],
    ]


def test_arm64_counts_in_instructions_of_four_bytes() -> None:
    binary = GoBinary(tiny_go_program(machine="arm64"))
    assert binary.facts.machine == "arm64"
    assert frames_at(binary, INLINED_CALL) == [INLINED]


def test_outside_of_the_text_there_are_no_frames() -> None:
    binary = GoBinary(tiny_go_program())
    assert frames_at(binary, 0, TEXT - 1, TEXT_END, 1 << 63) == [[], [], [], []]
    assert binary.frames(np.array([], dtype=np.uint64)).leaves() == []


def test_stack_deltas_and_pcdata_by_instruction() -> None:
    binary = GoBinary(tiny_go_program())
    at = np.array([TEXT, TEXT + 8, TEXT + 0x38, TEXT_END, INLINED_CALL], dtype=np.uint64)
    assert binary.sp_deltas(at).tolist() == [0, 24, 0, -1, 24]
    assert binary.pcdata(2, at).tolist() == [-1, -1, -1, -1, 1]
    assert binary.pcdata(9, at).tolist() == [-1] * 5


def test_functions_in_order() -> None:
    functions = GoBinary(tiny_go_program()).functions
    assert functions.names == ("main.main", "main.Of[...]", "runtime.deferreturn")
    assert functions.entry.tolist() == [TEXT, TEXT + 0x40, TEXT + 0x80]
    assert functions.id.tolist() == [0, 0, 23]


def test_build_info() -> None:
    info = GoBinary(tiny_go_program()).build_info()
    assert (info.go_version, info.package) == ("go1.27.3", "main")
    assert info.main == GoModule("example.org/svc", "(devel)")
    substitute = GoModule("example.org/b", "v1.2.4", "h1:y=")
    assert info.dependencies == (GoModule("example.org/a", "v1.2.3", "h1:x=", substitute),)
    assert info.settings == (("-compiler", "gc"), ("-ldflags", '-s -w -X main.v="1"'))


@pytest.mark.parametrize("line", ["mod\tx", "dep\ta\tb\tc\td", "build\t=x", "build\tnothing", 'build\ta="b'])
def test_build_info_that_does_not_parse(line: str) -> None:
    with pytest.raises(FormatError, match="line 2"):
        parse_build_info(f"path\tx\n{line}\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"#!/bin/sh\n", "not an ELF"),
        (b"MZ\x90\0", "Windows"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "macOS"),
        (b"\x7fELF\x01\x01\x01" + bytes(60), "64-bit little-endian"),
        (b"\x7fELF\x02\x01\x01", "ELF headers"),
        (tiny_go_program(magic=0xFFFFFFF0), "Go 1.18 or 1.19"),
        (tiny_go_program(magic=0xFFFFFFFB), "Go 1.2 to 1.15"),
        (tiny_go_program(magic=0x12345678), "not a Go program"),
    ],
)
def test_what_is_refused_is_named(data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        GoBinary(data)


def test_a_program_of_another_machine_is_refused() -> None:
    data = bytearray(tiny_go_program())
    data[18] = 243  # RISC-V
    with pytest.raises(FormatError, match="neither amd64 nor arm64"):
        GoBinary(bytes(data))


def test_a_moduledata_of_another_shape_is_refused_not_guessed() -> None:
    data = tiny_go_program("1.27")
    text_section = data.rindex(TEXT.to_bytes(8, "little"))
    with pytest.raises(FormatError, match="no Go version known"):
        GoBinary(data[:text_section] + bytes(8) + data[text_section + 8 :])


def test_every_truncation_is_refused_or_read() -> None:
    data = tiny_go_program()
    for size in range(len(data)):
        try:
            binary = GoBinary(data[:size])
            frames_at(binary, INLINED_CALL)
        except FormatError:
            continue
        assert size > len(data) - 600, size  # what is behind the moduledata may be missing
