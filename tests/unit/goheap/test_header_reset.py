"""What an emptied header says, and that nothing in between is ever to be seen."""

from __future__ import annotations

import struct
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic import _native
from mapmedic.goheap.header_reset import HeaderShape, plan_reset
from mapmedic.goheap.swiss_parts import SwissParts
from mapmedic.model.safe_moment import Hindrance, Unsafe

PAGE, HEADER = 4096, 48
SWISS, CLASSIC, CLASSIC_24 = HeaderShape(True, 48), HeaderShape(False, 48), HeaderShape(False, 56)
# What the native reader of slots wants to know; none of it matters to a map without a table.
SLOTS = {
    "group_bytes": 136, "key_offset": 8, "key_stride": 16, "elem_offset": 16, "elem_stride": 16,
    "key_indirect": False, "elem_indirect": False,
}  # fmt: skip
addresses = st.integers(min_value=1, max_value=1 << 44).map(lambda word: word * 8)
words = st.integers(min_value=0, max_value=(1 << 64) - 1)
pointers = st.integers(min_value=1, max_value=1 << 44).map(lambda word: word * 8)


@st.composite
def swiss_headers(draw: st.DrawFn) -> bytes:
    depth, is_small = draw(st.integers(0, 20)), draw(st.booleans())
    used = draw(st.integers(0, 8 if is_small else 1 << 30))
    length, depth, shift = (
        (0, 0, draw(st.sampled_from([0, 64]))) if is_small else (1 << depth, depth, 64 - depth)
    )
    return struct.pack(
        "<4Q4BxxxxQ",
        used,
        draw(words),
        draw(pointers),
        length,
        depth,
        shift,
        0,
        draw(st.integers(0, 1)),
        draw(words),
    )


@st.composite
def classic_headers(draw: st.DrawFn, clears: bool = False) -> bytes:
    head = struct.pack(
        "<Q2BHI", draw(st.integers(0, 1 << 40)), draw(st.integers(0, 15)) & ~4, draw(st.integers(0, 40)),
        draw(st.integers(0, (1 << 16) - 1)), draw(st.integers(0, (1 << 32) - 1)),
    )  # fmt: skip
    rest = [
        draw(pointers),
        draw(st.sampled_from([0, 64])),
        draw(words),
        *([draw(words)] if clears else []),
        0,
    ]
    return head + struct.pack(f"<{len(rest)}Q", *rest)


shaped = st.one_of(
    st.tuples(st.just(SWISS), swiss_headers()),
    st.tuples(st.just(CLASSIC), classic_headers()),
    st.tuples(st.just(CLASSIC_24), classic_headers(clears=True)),
)


@settings(deadline=None)
@given(shaped, addresses)
def test_a_header_is_emptied_by_one_change_within_a_page_or_two_next_to_each_other(
    each: tuple[HeaderShape, bytes], address: int
) -> None:
    shape, header = each
    planned = plan_reset(shape, address, header)
    assert not isinstance(planned, Unsafe)
    after = header
    for change in planned:
        assert change.address % PAGE + len(change.new) <= PAGE
        at = change.address - address
        assert header[at : at + len(change.old)] == change.old and len(change.old) == len(change.new)
        after = after[:at] + change.new + after[at + len(change.new) :]
    assert after == shape.emptied(header)
    assert len(planned) <= 1 + shape.lies_on_two_pages(address)
    assert is_valid_and_empty(shape, after)


def is_valid_and_empty(shape: HeaderShape, header: bytes) -> bool:
    """By the reader of slots that the inventory uses, and the parts of Swiss maps that it holds against each other."""
    with tempfile.TemporaryFile() as file:
        file.write(header)
        file.flush()
        image = _native.Image([([file.fileno()], [(0x1000, len(header), 0)])])
        slots = _native.map_slots(image, 0x1000, {**SLOTS, "swiss": shape.swiss}, 8, 1, 8)
    agrees = not shape.swiss or SwissParts(header, b"").figures((136, 8)) is not None
    return slots is not None and slots[0] == 0 and agrees and shape.is_plausible(header)


@given(swiss_headers())
def test_a_swiss_map_keeps_its_seed_and_forgets_its_tombstones(header: bytes) -> None:
    emptied = SWISS.emptied(header)
    assert emptied[8:16] == header[8:16]
    used, directory, length, rest, clears = struct.unpack("<Q8x4Q", emptied)
    assert (used, directory, length, rest) == (0, 0, 0, 0)
    assert clears == (struct.unpack_from("<Q", header, 40)[0] + 1) % (1 << 64)


@given(classic_headers(clears=True))
def test_a_classic_map_keeps_its_seed_and_nothing_else(header: bytes) -> None:
    assert CLASSIC.emptied(header[:48]) == bytes(12) + header[12:16] + bytes(32)
    emptied = CLASSIC_24.emptied(header)
    assert emptied[:40] == bytes(12) + header[12:16] + bytes(24) and emptied[48:] == bytes(8)
    assert emptied[40:48] != header[40:48]


def swiss(used: int = 3, writing: int = 0, directory: int = 0x1000, length: int = 0) -> bytes:
    return struct.pack("<4Q4BxxxxQ", used, 7, directory, length, 0, 0, writing, 0, 1)


def test_on_two_pages_only_what_changes_counts() -> None:
    last = PAGE - 16
    first, second = plan_reset(SWISS, last, swiss())
    assert (first.address, second.address) == (last, PAGE) and SWISS.lies_on_two_pages(last)
    (change,) = plan_reset(SWISS, last, swiss(used=0))  # count and seed stay as they are
    assert change.address == PAGE
    assert plan_reset(SWISS, 0, swiss(used=0, directory=0)) == ()


@pytest.mark.parametrize(
    ("shape", "header", "hindrance"),
    [
        (SWISS, swiss(writing=1), Hindrance.BEING_WRITTEN),
        (SWISS, swiss(used=9), Hindrance.NOT_A_MAP),
        (SWISS, swiss(length=3), Hindrance.NOT_A_MAP),
        (SWISS, swiss(directory=0), Hindrance.NOT_A_MAP),
        (SWISS, swiss()[:40], Hindrance.NOT_A_MAP),
        (CLASSIC, struct.pack("<Q2BHI4Q", 1, 4, 0, 0, 7, 0x1000, 0, 0, 0), Hindrance.BEING_WRITTEN),
        (CLASSIC, struct.pack("<Q2BHI4Q", 1, 0, 0, 0, 7, 0, 0, 0, 0), Hindrance.NOT_A_MAP),
        (CLASSIC, struct.pack("<Q2BHI4Q", 1, 0, 99, 0, 7, 0x1000, 0, 0, 0), Hindrance.NOT_A_MAP),
    ],
)
def test_what_is_no_map_between_two_operations_is_left_alone(
    shape: HeaderShape, header: bytes, hindrance: Hindrance
) -> None:
    planned = plan_reset(shape, 0x1000, header)
    assert isinstance(planned, Unsafe) and planned.hindrance is hindrance
