"""The exported profile, read back by our own parser; what `go tool pprof` makes of it is a live test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapmedic.formats.pprof import parse_profile
from mapmedic.model.frames import Frame
from mapmedic.model.heap import HeapChange, HeapProfile
from mapmedic.model.profile import Profile
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report.pprof_export import ProfileOrigin, pprof_bytes
from tests.unit.report.sample_heaps import heap_of, leaking_heap
from tests.unit.report.samples import START

ORIGIN = ProfileOrigin("http://127.0.0.1:6060", UnixNanoseconds(START), "0.1.0")
TYPES = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]


def exported(heap: HeapProfile, change: HeapChange | None = None) -> Profile:
    return parse_profile(pprof_bytes(heap, ORIGIN, change))


def frames_of(profile: Profile, sample: int) -> list[tuple[str, str, int]]:
    functions = [int(profile.line_function[location]) for location in profile.stack_of(sample)]
    lines = [int(profile.line_number[location]) for location in profile.stack_of(sample)]
    return [
        (profile.function_names[f], profile.function_files[f], line)
        for f, line in zip(functions, lines, strict=True)
    ]


def test_every_stack_and_figure_is_there() -> None:
    heap = leaking_heap()
    profile = exported(heap)
    assert [each.kind for each in profile.sample_types] == TYPES
    assert profile.default_sample_type == "inuse_space"
    for sample, stack in enumerate(heap.stacks):
        assert frames_of(profile, sample) == [(f.function, f.file or "", f.line or 0) for f in stack]
    columns = (heap.alloc_objects, heap.alloc_bytes, heap.inuse_objects, heap.inuse_bytes)
    assert profile.values.tolist() == np.rint(np.stack(columns, axis=1)).tolist()
    assert profile.labels.number.tolist() == heap.object_bytes.tolist()


def test_it_says_where_it_came_from() -> None:
    profile = exported(leaking_heap(), HeapChange(leaking_heap(), np.zeros(len(leaking_heap().stacks)), 45.5))
    assert "http://127.0.0.1:6060" in profile.comments[0] and "mapmedic 0.1.0" in profile.comments[0]
    assert profile.time_nanos == START
    assert profile.duration_nanos == 45_500_000_000
    assert "45.5 s" in profile.comments[2]
    hidden = exported(replace(leaking_heap(), frames_restored=False))
    assert "missing" in hidden.comments[1]


def test_growth_may_be_negative() -> None:
    heap = heap_of((((Frame("main.a"),), 3, 5), ((Frame("main.b"),), 1, 1)))
    profile = exported(heap, HeapChange(heap, np.array([2560.0, -512.0]), 5.0))
    assert [each.kind for each in profile.sample_types] == [*TYPES, "growth_objects", "growth_space"]
    assert profile.values[:, 4:].tolist() == [[10, 2560], [-2, -512]]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_number_of_an_int64_does_not_break_it(odd: float) -> None:
    heap = replace(heap_of((((Frame("main.a"),), 1, 1),)), inuse_bytes=np.array([odd]))
    assert 0 <= exported(heap).values[0, 3] <= 1 << 62


def test_hostile_names_are_inert() -> None:
    heap = heap_of((((Frame("main.\x1b[2J\ud800", "\x07.go", -3),), 1, 1),))
    profile = exported(heap)
    assert frames_of(profile, 0) == [("main.\\x1b[2J\\ud800", "\\x07.go", -3)]


def test_an_empty_heap_is_an_empty_profile() -> None:
    assert exported(heap_of(())).sample_count == 0
