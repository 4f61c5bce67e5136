"""Which slice among the global variables is the list of spans; the memory is a mock."""

from __future__ import annotations

import struct
from typing import Any, cast

import pytest

from mapmedic.errors import CouldNotLook
from mapmedic.goheap.build import GoBuild
from mapmedic.goheap.layouts import layout_of
from mapmedic.goheap.program import Globals
from mapmedic.goheap.runtime import _find_allspans

_LAYOUT = layout_of(GoBuild("go1.26.0", 26))
_SPANS, _MAPS, _OBJECT = 0x10000, 0x40000, 0x100000
_FEW, _MANY = 20, 2000


class MockMemory:
    """A mock: arrays of pointers at some addresses, and objects of 256 bytes."""

    def __init__(self) -> None:
        self.bytes: dict[int, bytes] = {}

    def array(self, at: int, first: int, objects: list[bytes]) -> None:
        places = [first + 256 * number for number in range(len(objects))]
        self.bytes[at] = struct.pack(f"<{len(places)}Q", *places)
        self.bytes.update(zip(places, objects, strict=True))

    def read(self, at: int, size: int) -> bytes | None:
        return next(
            (
                raw[at - start :][:size]
                for start, raw in self.bytes.items()
                if 0 <= at - start <= len(raw) - size
            ),
            None,
        )

    def words(self, at: int, form: str) -> tuple[int, ...] | None:
        raw = self.read(at, struct.calcsize(f"<{form}"))
        return None if raw is None else struct.unpack(f"<{form}", raw)


class MockGlobals:
    """A mock: the slices among the global variables."""

    def __init__(self, memory: MockMemory, *slices: tuple[int, int, int]) -> None:
        self.memory, self._slices = memory, slices

    def slices(self, least: int) -> tuple[tuple[int, int, int], ...]:
        return tuple(each for each in self._slices if each[2] >= least)


def _span(number: int) -> bytes:
    raw, at = bytearray(256), _LAYOUT.spans
    struct.pack_into("<2Q", raw, at["span_start"], 0xC000000000 + number * 8192, 1)
    struct.pack_into("<H", raw, at["span_nelems"], 128)
    struct.pack_into("<Q", raw, at["span_elemsize"], 64)
    raw[at["span_state"]] = 1
    return bytes(raw)


def _memory() -> MockMemory:
    memory = MockMemory()
    memory.array(_MAPS, _OBJECT, [struct.pack("<2Q", 1, 99) + bytes(240)] * _MANY)
    # The first of them were set aside and are not used yet, as in a small program.
    memory.array(_SPANS, _OBJECT << 4, [bytes(256)] * 16 + [_span(number) for number in range(_FEW)])
    return memory


def test_a_longer_list_of_maps_is_not_the_list_of_spans() -> None:
    globals_ = MockGlobals(_memory(), (8, _SPANS, 16 + _FEW), (64, _MAPS, _MANY))
    assert _find_allspans(cast(Globals, globals_), _LAYOUT) == (8, _SPANS, 16 + _FEW)


def test_a_list_without_a_span_in_use_is_none() -> None:
    globals_: Any = MockGlobals(_memory(), (64, _MAPS, _MANY))
    with pytest.raises(CouldNotLook, match="list of heap spans was not found"):
        _find_allspans(globals_, _LAYOUT)
