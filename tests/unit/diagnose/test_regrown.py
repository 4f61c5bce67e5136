"""A growing slice told by the sizes one line re-makes, where growslice cannot be restored (Go up to 1.25)."""

from __future__ import annotations

import pytest

from mapmedic.diagnose.regrown import regrown_arrays
from mapmedic.model.units import KIB, MIB
from tests.unit.diagnose.builder import Heap

LONG = 128 * KIB


def regrown(rows: list[tuple[str, int, int, int]]) -> dict[str, list[int]]:
    heap = Heap()
    for text, size, inuse, allocs in rows:
        heap.sampled(text, size, inuse, allocs)
    return regrown_arrays(heap.profile(), LONG)


GROWING = [("main.log:7 < main.main", int(MIB * 1.25**i), int(i == 7), 1) for i in range(8)]


def test_one_array_made_anew() -> None:
    assert regrown(GROWING) == {"main.log": list(range(8))}
    assert regrown(GROWING[::2] + GROWING[7:]) == {"main.log": [0, 1, 2, 3, 4]}, "the sampler missed some"
    assert regrown([(t, s, int(i >= 6), 1) for i, (t, s, _, _) in enumerate(GROWING)]), (
        "being copied right now"
    )


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a map's few huge values", [("main.load:3", (i + 1) * MIB, 1, 1) for i in range(8)]),
        ("many slices of each size", [("main.tags:3", 64 << i, 50, 900) for i in range(16)]),
        ("two sizes", GROWING[-2:]),
        ("short arrays", [("main.small:3", 64 << i, int(i == 5), 1) for i in range(6)]),
        ("sizes close together", [("main.x:3", MIB + 9000 * i, int(i == 5), 1) for i in range(6)]),
        ("an old one still held", [(t, s, int(i in (0, 7)), 1) for i, (t, s, _, _) in enumerate(GROWING)]),
        ("runtime frame at the leaf", [(f"runtime.mallocgc < {t}", s, i, a) for t, s, i, a in GROWING]),
        ("library at the leaf", [(f"bytes.growSlice < {t}", s, i, a) for t, s, i, a in GROWING]),
        ("no stack", [("", s, i, a) for _, s, i, a in GROWING]),
    ],
)
def test_what_is_not_one_array(name: str, rows: list[tuple[str, int, int, int]]) -> None:
    assert regrown(rows) == {}, name


def test_two_slices_of_one_function_are_both_found() -> None:
    other = [("main.log:9 < main.main", size + 8, inuse, allocs) for _, size, inuse, allocs in GROWING]
    assert sorted(regrown(GROWING + other)["main.log"]) == list(range(16))
