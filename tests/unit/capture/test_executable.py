"""Does a program's file belong to a profile, and where was it loaded: a made-up program and a made-up profile.

Real ones, of every Go version, are in tests/oracle and tests/live/test_executable.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic.capture.executable import Fit, fit, names_from_binary, open_executable, symbols_from_file
from mapmedic.errors import CouldNotLook, FormatError
from mapmedic.formats.go_binary import GoBinary
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.model.findings import Blank
from mapmedic.model.heap_records import HeapRecords
from mapmedic.model.session import Artifact
from mapmedic.model.units import UnixNanoseconds
from tests.support.tiny_go_program import TEXT, tiny_go_program

FOOTER = b"\n# runtime.MemStats\n# Alloc = 0\n"
MOVED = 0x5555_5555_0000


def heap_text(distance: int, line: int = 10, name: str = "main.main") -> bytes:
    """One stack: runtime.deferreturn (hidden), called by main.main inside of nothing, at its last instructions."""
    hidden, printed = TEXT + 0x81 + distance, TEXT + 0x35 + distance
    return (
        f"heap profile: 1: 8 [1: 8] @ heap/1048576\n1: 8 [1: 8] @ {hidden:#x} {printed:#x}\n"
        f"#\t{printed - 1:#x}\t{name}+0x34\tmain.go:{line}\n"
    ).encode() + FOOTER


def records(distance: int, line: int = 10, name: str = "main.main") -> HeapRecords:
    return parse_heap_text(heap_text(distance, line, name), allow_truncated=True)


@pytest.mark.parametrize(("relocated", "distance"), [(False, 0), (True, 0), (True, MOVED)])
def test_the_distance_is_found_and_hidden_frames_are_named(relocated: bool, distance: int) -> None:
    binary = GoBinary(tiny_go_program(relocated=relocated))
    assert fit(records(distance), binary) == Fit(distance, 1, 1)
    names = names_from_binary(records(distance), binary, distance)
    assert names == {TEXT + 0x80 + distance: "runtime.deferreturn", TEXT + 0x34 + distance: "main.main"}


@pytest.mark.parametrize(
    ("why", "relocated", "profile"),
    [
        ("one line differs: another build", True, records(MOVED, line=11)),
        ("a function it does not have", True, records(MOVED, name="main.other")),
        ("no whole page away", True, records(MOVED + 8)),
        ("a program that cannot move was moved", False, records(MOVED)),
    ],
)
def test_a_program_that_does_not_fit_is_not_used(why: str, relocated: bool, profile: HeapRecords) -> None:
    assert fit(profile, GoBinary(tiny_go_program(relocated=relocated))).distance is None, why


def test_a_text_that_was_cut_names_nothing_in_a_session() -> None:
    binary, path = GoBinary(tiny_go_program(relocated=True)), Path("/srv/app")
    # A text that was cut is not believed: its last names may be halves.
    cut = symbols_from_file(Artifact("heap_text", 3, UnixNanoseconds(7), "u", heap_text(MOVED)), binary, path)
    assert isinstance(cut, Blank)
    assert "not used" in cut.why


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_bytes(b"hello")
    with pytest.raises(CouldNotLook, match="empty"):
        open_executable(empty)
    with pytest.raises(FormatError, match="text: not an ELF program"):
        open_executable(text)
    with pytest.raises(CouldNotLook, match="no regular file"):
        open_executable(tmp_path)
