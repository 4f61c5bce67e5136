"""Parts of a Swiss map that contradict each other make no figures. The maps here are made up."""

from __future__ import annotations

import struct

import pytest

from mapmedic.goheap.swiss_parts import Figures, SwissParts, read_parts
from mapmedic.memory.reader import Place

GROUP = (72, 72)
DIRECTORY, LEFT, RIGHT, GROUPS = 0x1000, 0x2000, 0x3000, 0x4000


def header(
    entries: int = 30, directory: int = DIRECTORY, length: int = 4, depth: int = 2, shift: int = 62
) -> bytes:
    return struct.pack("<4Q4B", entries, 7, directory, length, depth, shift, 0, 0).ljust(48, b"\0")


def table(used: int = 10, capacity: int = 16, depth: int = 2, mask: int = 1) -> bytes:
    return struct.pack("<3H2B3Q", used, capacity, 0, depth, 0, 0, GROUPS, mask)


def memory(head: bytes, left: bytes, right: bytes) -> dict[int, bytes]:
    """One table in the first half of the directory, two in the second."""
    directory = struct.pack("<4Q", LEFT, LEFT, RIGHT, RIGHT + 32)
    return {
        DIRECTORY: directory,
        LEFT: left,
        RIGHT: right,
        RIGHT + 32: right,
        GROUPS - 8: b"\x09" + bytes(7),
        0: head,
    }


def parts_of(head: bytes, left: bytes, right: bytes) -> SwissParts | None:
    places = memory(head, left, right)

    def read(wanted: list[Place]) -> list[bytes | None]:
        return [places.get(address, b"\0" * size)[:size] for address, size in wanted]

    return read_parts(read, [head])[0]  # type: ignore[arg-type]


def test_what_agrees_is_summed() -> None:
    parts = parts_of(header(), table(depth=1), table())
    assert parts is not None
    # 48 + a directory of 32 + three tables of 32 + three times two groups of 72
    assert parts.figures(GROUP) == Figures(30, 48, 48 + 32 + 3 * 32 + 3 * 144)
    assert parts.group_type == 9


@pytest.mark.parametrize(
    ("head", "left", "right"),
    [
        (header(entries=31), table(depth=1), table()),
        (header(depth=3, shift=61), table(depth=1), table()),
        (header(shift=61), table(depth=1), table()),
        (header(), table(depth=2), table()),
        (header(), table(depth=3), table()),
        (header(), table(depth=1, capacity=24), table()),
        (header(), table(depth=1, capacity=2048, mask=255), table()),
        (header(), table(depth=1, mask=3), table()),
        (header(directory=0), table(depth=1), table()),
    ],
)
def test_what_contradicts_itself_is_not_told(head: bytes, left: bytes, right: bytes) -> None:
    parts = parts_of(head, left, right)
    assert parts is None or parts.figures(GROUP) is None


@pytest.mark.parametrize(
    ("entries", "control", "right"),
    [
        (2, b"\x01\x02" + b"\x80" * 6, True),
        (3, b"\x01\x02" + b"\x80" * 6, False),
        (2, b"\x01\x02\xff" + b"\x80" * 5, False),
    ],
)
def test_a_small_map_has_as_many_full_slots_as_entries(entries: int, control: bytes, right: bool) -> None:
    parts = SwissParts(header(entries, 0x1000, 0, 0, 0), control)
    assert (parts.figures(GROUP) == Figures(entries, 8, 48 + 80)) == right


def test_no_map_yet_is_empty() -> None:
    assert SwissParts(header(0, 0, 0, 0, 64), b"").figures(GROUP) == Figures(0, 0, 48)
