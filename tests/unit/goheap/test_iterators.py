"""What makes an iterator of a map, and what only looks like one: made-up bytes; real ones are in tests/live."""

from __future__ import annotations

import struct

import pytest

from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.iterators import IteratorTest

MAP, TYPE, KEY, ELEM, TABLE = 0xC000010000, 0x500100, 0xC000020008, 0xC000020010, 0xC000020000
TYPES = (0x500000, 0x600000)
SWISS, CLASSIC = (
    IteratorTest(HeaderShape(swiss, 48), MAP, 0, TYPES) for swiss in (True, False)
)  # fmt: skip
# Four tables, depth 2, cleared once; 16 buckets.
SWISS_HEADER = struct.pack("<4Q4BxxxxQ", 40, 7, TABLE, 4, 2, 62, 0, 0, 1)
CLASSIC_HEADER = struct.pack("<Q2BHI4Q", 40, 0, 4, 0, 7, TABLE, 0, 0, 0)


def swiss(
    key: int = KEY, type_: int = TYPE, map_: int = MAP, clears: int = 1, depth: int = 2, index: int = 1
) -> bytes:
    return struct.pack("<9q3Q", key, ELEM, type_, map_, 3, 9, clears, depth, index, TABLE, TABLE, 5)


def classic(key: int = KEY, buckets: int = TABLE, bits: int = 4, slot: int = 3, bucket: int = 2) -> bytes:
    head = struct.pack("<8Q", key, ELEM, TYPE, MAP, buckets, TABLE, 0, 0)
    return head + struct.pack("<Q4B4x2Q", 7, 2, 0, bits, slot, bucket, 0)


def test_an_iterator_under_way_is_one() -> None:
    assert SWISS.is_live(SWISS_HEADER, swiss())
    assert SWISS.is_live(SWISS_HEADER, swiss(index=-1, depth=0))  # of a map that was small when it began
    assert SWISS.is_live(SWISS_HEADER, swiss(clears=0))  # of before the last clear
    assert CLASSIC.is_live(CLASSIC_HEADER, classic())
    assert CLASSIC.is_live(
        CLASSIC_HEADER, classic(bits=3, bucket=8)
    )  # of before the last growth, at its last bucket


@pytest.mark.parametrize(
    "raw",
    [
        swiss(key=0), swiss(map_=MAP + 48), swiss(type_=0x700000), swiss(clears=2), swiss(depth=3),
        swiss(index=5), swiss(index=-2),
    ],
)  # fmt: skip
def test_what_has_ended_or_is_of_something_else_is_none(raw: bytes) -> None:
    assert not SWISS.is_live(SWISS_HEADER, raw)


@pytest.mark.parametrize(
    "raw", [classic(key=0), classic(buckets=0), classic(bits=5), classic(slot=9), classic(bucket=17)]
)
def test_so_it_is_of_a_classic_map(raw: bytes) -> None:
    assert not CLASSIC.is_live(CLASSIC_HEADER, raw)


def test_an_interface_that_holds_the_map_is_no_iterator() -> None:
    beside = struct.pack("<12Q", KEY, ELEM, TYPE, MAP, *([TABLE] * 8))
    assert not SWISS.is_live(SWISS_HEADER, beside) and not CLASSIC.is_live(CLASSIC_HEADER, beside)


def test_what_cannot_be_read_may_be_one() -> None:
    assert SWISS.is_live(SWISS_HEADER, None)


def test_only_words_behind_a_type_are_looked_at() -> None:
    made_by_reflection = IteratorTest(HeaderShape(True, 48), MAP, 0xC000030000, TYPES)
    words = [(8, TYPE), (16, 0), (24, TYPES[1]), (32, 0xC000030000)]
    assert SWISS.candidates(words) == [8]
    assert made_by_reflection.candidates(words) == [8, 32]
    assert SWISS.candidates([(8, 0)]) == []
    assert SWISS.place(0x1018) == (0x1000, 96)
