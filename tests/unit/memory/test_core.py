"""A core says what it holds, whose it is and what it lacks; what lies, in the core or about it, is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mapmedic.capture.files import open_regular
from mapmedic.errors import CannotRead, CoreUnreadable, CouldNotLook
from mapmedic.memory.core import Core, read_core
from tests.support import tiny_core
from tests.support.command import run
from tests.support.tiny_core import DATA, PAGE, STACK, TEXT, Part


@pytest.fixture
def exe(tmp_path: Path) -> Path:
    path = tmp_path / "service"
    path.write_bytes(tiny_core.program())
    return path


def read(folder: Path, raw: bytes, exe: Path | None = None) -> Core:
    path = folder / "core"
    path.write_bytes(raw)
    return read_core(path, open_regular, exe)


def test_data_is_the_cores_text_the_programs_and_the_rest_zero(exe: Path, tmp_path: Path) -> None:
    without_text = tiny_core.core(str(exe), first_page=b"")
    core = read(tmp_path, without_text)
    memory = core.memory
    assert core.program == exe
    assert memory.read(TEXT, 4) == b"\x7fELF"
    assert memory.read(DATA, 4) == b"DATA"
    assert memory.read(DATA + PAGE, 8) == bytes(8)
    assert memory.read(DATA + 2 * PAGE - 4, 5) is None
    assert memory.read(STACK, 3) == b"\0\1\2"
    assert memory.program == (TEXT, DATA + 2 * PAGE)
    assert [(t.id, t.stack_pointer, t.registers[0]) for t in memory.threads] == [(7, STACK + 64, 0xAAAA)]
    assert "does not hold its first page" in memory.remarks[0]


def test_the_program_is_looked_for_where_the_core_says_and_beside_it(exe: Path, tmp_path: Path) -> None:
    assert read(tmp_path, tiny_core.core(str(exe))).program == exe
    assert read(tmp_path, tiny_core.core("/nowhere/service")).program == exe
    assert read(tmp_path, tiny_core.core("/nowhere/service (deleted)")).program == exe
    assert read(tmp_path, tiny_core.core("/nowhere/other"), exe).program == exe


def test_another_program_is_refused_by_its_first_page_or_its_segments(exe: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(tiny_core.program(b"another build id"))
    with pytest.raises(CouldNotLook, match="headers or its build id"):
        read(tmp_path, tiny_core.core(str(exe)), other)
    other.write_bytes(tiny_core.elf(tiny_core.PROGRAM, (Part(TEXT, bytes(99)),)))
    with pytest.raises(CouldNotLook, match="segments are others"):
        read(tmp_path, tiny_core.core(str(exe), first_page=b""), other)
    other.write_bytes(tiny_core.core("x"))
    with pytest.raises(CouldNotLook, match="it is no program"):
        read(tmp_path, tiny_core.core(str(exe)), other)


def test_a_core_that_holds_the_program_needs_no_file_of_it(tmp_path: Path) -> None:
    core = read(tmp_path, tiny_core.core("/nowhere/service"))
    assert core.program is None
    assert "names of variables" in core.memory.remarks[0]


def test_one_that_does_not_is_refused_and_says_what_to_give(tmp_path: Path) -> None:
    raw = tiny_core.core("/nowhere/service", first_page=b"")
    with pytest.raises(CouldNotLook, match="its program /nowhere/service is needed"):
        read(tmp_path, raw)
    with pytest.raises(CouldNotLook, match="No such file"):
        read(tmp_path, raw, tmp_path / "missing")
    done = run("heap", f"core:{tmp_path / 'core'}")
    assert done.code == 3
    assert "--exe" in done.err


def test_a_core_cut_off_says_how_much_is_missing(exe: Path, tmp_path: Path) -> None:
    raw = tiny_core.core(str(exe))
    memory = read(tmp_path, raw[:-96]).memory
    assert memory.remarks == ("the core is cut off: 96 of its 12,288 bytes of memory are missing",)
    assert memory.unread == ((STACK + PAGE - 96, STACK + PAGE),)
    assert memory.read(STACK + PAGE - 97, 1) is not None
    assert memory.read(STACK + PAGE - 96, 1) is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.03, 0.2, 0.5, 0.99])
def test_cut_anywhere_it_is_read_or_refused(share: float, exe: Path, tmp_path: Path) -> None:
    raw = tiny_core.core(str(exe))
    try:
        memory = read(tmp_path, raw[: int(len(raw) * share)]).memory
    except CouldNotLook:
        assert share < 0.9
        return
    assert "cut off" in memory.remarks[-1]


HUGE = 1 << 63
LIES = {
    "offset": Part(DATA, b"x", claims={"offset": HUGE}),
    "bytes": Part(DATA, b"x", claims={"file_bytes": HUGE, "memory_bytes": HUGE}),
    "memory": Part(DATA, b"x", claims={"memory_bytes": (1 << 64) - 1}),
    "less memory than file": Part(DATA, bytes(64), 8),
    "overlap": Part(TEXT + 8, bytes(64)),
}


@pytest.mark.parametrize("lie", LIES)
def test_segments_that_lie_are_refused(lie: str, exe: Path, tmp_path: Path) -> None:
    with pytest.raises(CoreUnreadable, match=r"contradicts itself|overlap"):
        read(tmp_path, tiny_core.core(str(exe), parts=(Part(TEXT, bytes(64)), LIES[lie])))


def test_what_is_no_core_of_this_machine_is_said_plainly(exe: Path, tmp_path: Path) -> None:
    for raw, words in {
        b"": "empty",
        b"not a core at all": "no ELF file",
        b"\x28\xb5\x2f\xfd rest": "packed with zstd; unpack it first",
        tiny_core.core(str(exe), machine=183): "it is of arm64; only 64-bit x86 is read",
        tiny_core.core(str(exe), bits=1): "32-bit",
        tiny_core.program(): "it is a program, not a core",
        tiny_core.elf(1, ()): "of type 1, no core",
        tiny_core.elf(tiny_core.CORE, (Part(STACK, bytes(64)),)): "says nothing of its threads",
        tiny_core.core(str(exe), count=60_000): "cut off",
        tiny_core.core(str(exe), count=0xFFFF): "claims|cut off",
        tiny_core.core(str(exe), first=HUGE): "cut off",
    }.items():
        with pytest.raises(CouldNotLook, match=words):
            read(tmp_path, raw)


def test_a_core_without_memory_is_refused(exe: Path, tmp_path: Path) -> None:
    with pytest.raises(CouldNotLook, match="coredump_filter"):
        read(tmp_path, tiny_core.core(str(exe), parts=(Part(DATA, b"x"), Part(STACK, b"", PAGE))))


def test_no_pipe_directory_or_missing_file_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "missing"):
        with pytest.raises(CannotRead):
            read_core(path, open_regular)
        assert run("heap", f"core:{path}").code == 3


def test_a_core_of_no_go_program_is_said_to_be_none(exe: Path, tmp_path: Path) -> None:
    read(tmp_path, tiny_core.core(str(exe)))
    done = run("heap", f"core:{tmp_path / 'core'}")
    assert done.code == 3
    assert "no Go build information" in done.err


def test_a_process_says_itself_what_it_runs_and_diagnose_names_heap(exe: Path) -> None:
    assert run("heap", os.getpid(), "--exe", exe).code == 2
    done = run("diagnose", "core:x")
    assert done.code == 3
    assert "mapmedic heap core:" in done.err
