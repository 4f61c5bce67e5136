"""The parts of a map as bytes: all that a map was laid out with are found, and what lies ends. The maps are made up."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.raw_parts import RawPart, RawShape, Role, find_raw_parts, swiss_arrays
from mapmedic.memory.reader import Memory

HEADER, HEADER_BYTES, MOST = 0x10_000, 48, 1 << 20


@dataclass
class Laid:
    """A memory that is laid out part by part, and remembers which parts there are: the oracle."""

    bytes: dict[int, bytearray] = field(default_factory=dict)
    parts: set[RawPart] = field(default_factory=set)
    _next: int = 0x20_000

    def put(self, role: Role, raw: bytes, unit: int = 0, at: int = 0) -> int:
        address = at or self._next
        self._next += len(raw) + 64
        self.bytes[address] = bytearray(raw)
        self.parts.add(RawPart(role, address, len(raw), unit))
        return address

    def read(self, address: int, size: int) -> bytes | None:
        for start, raw in self.bytes.items():
            if start <= address and address + size <= start + len(raw):
                return bytes(raw[address - start : address - start + size])
        return None

    def found(self, shape: RawShape) -> tuple[RawPart, ...]:
        return find_raw_parts(cast(Memory, self), HEADER, shape)


def swiss_header(directory: int, length: int) -> bytes:
    return struct.pack("<4Q", 1, 7, directory, length).ljust(HEADER_BYTES, b"\0")


def classic_header(log: int, buckets: int, old: int, flags: int = 0) -> bytes:
    return struct.pack("<Q2B6x2Q", 1, flags, log, buckets, old).ljust(HEADER_BYTES, b"\0")


@st.composite
def swiss_maps(draw: Any) -> tuple[Laid, RawShape]:
    laid, unit = Laid(), 8 * draw(st.integers(2, 30))
    depth = draw(st.integers(0, 4))
    if draw(st.booleans()):
        group = laid.put(Role.GROUPS, draw(st.binary(min_size=unit, max_size=unit)), unit)
        laid.put(Role.HEADER, swiss_header(group, 0), at=HEADER)
        return laid, RawShape(swiss=True, header_bytes=HEADER_BYTES, unit_bytes=unit, most_bytes=MOST)
    places: list[int] = []
    while len(places) < 1 << depth:
        count = 1 << draw(st.integers(0, 7))
        groups = laid.put(Role.GROUPS, bytes(count * unit), unit)
        table = laid.put(Role.TABLE, struct.pack("<3H2B3Q", 0, count * 8, 0, depth, 0, 0, groups, count - 1))
        room = (1 << depth) - len(places)
        places += [table] * draw(st.sampled_from([n for n in (1, 2, 4, 8, 16) if n <= room]))
    directory = laid.put(Role.DIRECTORY, struct.pack(f"<{len(places)}Q", *places))
    laid.put(Role.HEADER, swiss_header(directory, len(places)), at=HEADER)
    return laid, RawShape(swiss=True, header_bytes=HEADER_BYTES, unit_bytes=unit, most_bytes=MOST)


def chained(laid: Laid, draw: Any, role: Role, log: int, unit: int) -> int:
    rows = [bytearray(unit) for _ in range(1 << log)]
    for row in rows:
        for _ in range(draw(st.integers(0, 3))):
            # The one that is put in is the first that overflows: it leads to those that were there.
            following = laid.put(Role.OVERFLOW, bytes(unit - 8) + row[-8:], unit)
            row[-8:] = following.to_bytes(8, "little")
    return laid.put(role, b"".join(rows), unit)


@st.composite
def classic_maps(draw: Any) -> tuple[Laid, RawShape]:
    laid, unit, log = Laid(), 8 * draw(st.integers(2, 30)), draw(st.integers(0, 4))
    grows, same_size = draw(st.booleans()), draw(st.booleans())
    buckets = chained(laid, draw, Role.BUCKETS, log, unit)
    old_log = log if same_size else max(0, log - 1)
    old = chained(laid, draw, Role.OLD_BUCKETS, old_log, unit) if grows else 0
    laid.put(Role.HEADER, classic_header(log, buckets, old, 8 if same_size else 0), at=HEADER)
    return laid, RawShape(swiss=False, header_bytes=HEADER_BYTES, unit_bytes=unit, most_bytes=MOST)


@given(swiss_maps() | classic_maps())
def test_all_parts_are_found_each_once(made: tuple[Laid, RawShape]) -> None:
    laid, shape = made
    found = laid.found(shape)
    assert found[0].role is Role.HEADER
    assert len(found) == len(laid.parts) and set(found) == laid.parts


@given(swiss_maps())
def test_arrays_are_counted_in_groups_whatever_size_is_thought_of(made: tuple[Laid, RawShape]) -> None:
    laid, shape = made
    least = RawShape(swiss=True, header_bytes=HEADER_BYTES, unit_bytes=8, most_bytes=MOST)
    arrays = {(p.address, p.bytes // p.unit_bytes) for p in laid.parts if p.role is Role.GROUPS}
    assert set(swiss_arrays(cast(Memory, laid), HEADER, least)) == arrays
    del shape


@given(swiss_maps() | classic_maps(), st.integers(0, HEADER_BYTES - 8), st.binary(min_size=8, max_size=8))
def test_what_lies_ends_within_its_bounds(made: tuple[Laid, RawShape], at: int, lie: bytes) -> None:
    laid, shape = made
    laid.bytes[HEADER][at : at + 8] = lie
    try:
        found = laid.found(shape)
    except HeapUnreadable:
        return
    assert sum(part.bytes for part in found) <= MOST


def test_a_chain_that_leads_in_a_circle_is_refused() -> None:
    laid = Laid()
    bucket = laid.put(Role.BUCKETS, bytes(32), 32)
    first, second = laid.put(Role.OVERFLOW, bytes(32), 32), laid.put(Role.OVERFLOW, bytes(32), 32)
    for place, to in ((bucket, first), (first, second), (second, first)):
        laid.bytes[place][-8:] = to.to_bytes(8, "little")
    laid.put(Role.HEADER, classic_header(0, bucket, 0), at=HEADER)
    with pytest.raises(HeapUnreadable, match="leads back"):
        laid.found(RawShape(swiss=False, header_bytes=HEADER_BYTES, unit_bytes=32, most_bytes=MOST))


@pytest.mark.parametrize(
    ("swiss", "header", "unit", "said"),
    [
        (True, swiss_header(0x20_000, 1 << 40), 64, "more than"),
        (True, swiss_header(0x30_000, 2), 64, "cannot be read"),
        (True, swiss_header(0x20_000, 0), 0, "nothing tells"),
        (False, classic_header(39, 0x20_000, 0), 64, "more than"),
        (False, classic_header(200, 0x20_000, 0), 64, "2\\^200"),
        (False, classic_header(2, 0x30_000, 0), 64, "cannot be read"),
        (False, classic_header(0, 0x20_000, 0), 0, "nothing tells"),
    ],
)
def test_absurd_sizes_and_what_is_not_there(swiss: bool, header: bytes, unit: int, said: str) -> None:
    laid = Laid()
    laid.put(Role.HEADER, header, at=HEADER)
    laid.put(Role.GROUPS, bytes(64), 64)
    with pytest.raises(HeapUnreadable, match=said):
        laid.found(RawShape(swiss, HEADER_BYTES, unit, MOST))
