from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mapmedic.report.sparkline import BARS, print_memory, sparkline
from tests.unit.report import samples

MIB = 1 << 20


def test_a_climb_climbs_and_a_fall_falls() -> None:
    assert sparkline([(at, at * MIB) for at in range(8)], 8) == BARS
    assert sparkline([(at, (8 - at) * MIB) for at in range(8)], 8) == BARS[::-1]


def test_jitter_does_not_look_like_a_leak() -> None:
    assert set(sparkline([(at, 1000 + at % 7) for at in range(100)], 20)) == {BARS[-1]}


def test_bars_stand_where_time_puts_them() -> None:
    """Two captures early, one late: the gap between goes on as it was."""
    assert sparkline([(0, 0), (1, 0), (100, 10)], 10) == BARS[0] * 9 + BARS[-1]


@given(
    st.lists(st.tuples(st.integers(0, 1 << 62), st.integers(0, 1 << 50)), min_size=1, max_size=50),
    st.integers(1, 60),
)
def test_any_points_fit(points: list[tuple[int, int]], width: int) -> None:
    line = sparkline(sorted(points), width)
    assert len(line) == width
    assert set(line) <= set(BARS)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit(width: int) -> None:
    stream = io.StringIO()
    print_memory(Console(file=stream, width=width), samples.map_leak_report().observation.timeline)
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["RSS", "HeapAlloc"]
    assert max(map(len, lines)) <= max(width, 46)


def test_what_has_no_course_prints_nothing() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80)
    print_memory(console, [samples.point(0, 10, None), samples.point(1, 20, None)])
    print_memory(
        console, [replace(samples.point(at, 1, 1), rss_bytes=None, heap_alloc_bytes=None) for at in range(9)]
    )
    assert stream.getvalue() == ""


def test_a_pipe_that_is_not_utf8() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        print_memory(Console(file=stream, width=80), samples.map_leak_report().observation.timeline)
        stream.flush()
        assert b"#" in raw.getvalue() and b"\\u" not in raw.getvalue()
