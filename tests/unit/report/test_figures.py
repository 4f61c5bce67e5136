from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.report import figures

MIB = 1 << 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (412.6 * MIB, "412.6 MiB"),
        (1023.99 * MIB, "1.0 GiB"),
        (-3 * MIB, "-3.0 MiB"),
        (2.0**80, "1048576.0 EiB"),
        (None, "unknown"),
        (math.nan, "unknown"),
        (math.inf, "unknown"),
    ],
)
def test_bytes(value: float | None, text: str) -> None:
    assert figures.bytes_text(value) == text


@pytest.mark.parametrize(
    ("value", "doubt", "text"),
    [
        (5.1 * MIB, None, "5.1 MiB/s"),
        (5.1 * MIB, 0.4 * MIB, "5.1 ± 0.4 MiB/s"),
        (5.1 * MIB, 1024, "5.1 ± 0.00 MiB/s"),
        (5.1 * MIB, math.nan, "5.1 MiB/s"),
        (None, 1.0, "unknown"),
    ],
)
def test_rate_with_its_doubt_in_the_same_unit(value: float | None, doubt: float | None, text: str) -> None:
    assert figures.rate_text(value, doubt) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (17, "17 ns"),
        (17_000, "17 µs"),
        (999_960, "1 ms"),
        (1_400_000, "1.4 ms"),
        (30_000_000_000, "30 s"),
        (125_000_000_000, "2 min 5 s"),
        (120_000_000_000, "2 min"),
        (7_260_000_000_000, "2 h 1 min"),
        (-17_000, "-17 µs"),
        (None, "unknown"),
    ],
)
def test_duration(nanoseconds: float | None, text: str) -> None:
    assert figures.duration_text(nanoseconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.00001, "under 0.1 %"),
        (0.004, "0.4 %"),
        (0.05, "5 %"),
        (0.98, "98 %"),
        (0.9996, "over 99 %"),
        (1, "100 %"),
        (2.5, "250 %"),
        (math.nan, "unknown"),
    ],
)
def test_percent_never_rounds_to_all_or_nothing(share: float, text: str) -> None:
    assert figures.percent_text(share) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (-0.62, "-62 %"),
        (0.035, "+3.5 %"),
        (-0.996, "-99.6 %"),
        (0.9999, "+99.9 %"),
        (0, "0 %"),
        (None, "unknown"),
    ],
)
def test_change(change: float | None, text: str) -> None:
    assert figures.change_text(change) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("map[string]int", "", "map[string]int"),
        (812_345, "entries", "812,345 entries"),
        (12.34, "sigma", "12.3 sigma"),
        (3 * MIB, "bytes", "3.0 MiB"),
        (0.5, "share", "50 %"),
        (1.9, "ms", "1.9 ms"),
        (True, "", "yes"),
        (math.nan, "bytes", "unknown"),
        (None, "bytes", "unknown"),
    ],
)
def test_measured(value: float | str | None, unit: str, text: str) -> None:
    assert figures.measured_text(value, unit) == text


def test_moments() -> None:
    assert figures.time_text(1_795_405_512 * 10**9) == "2026-11-23 03:45:12 UTC"
    assert figures.time_text(10**30) == "unknown"
    assert figures.time_text(None) == "unknown"


@given(
    st.one_of(st.none(), st.floats(), st.integers()),
    st.sampled_from(["", "bytes", "ns", "s", "share", "odd", "%"]),
)
def test_no_number_is_too_odd_to_show(value: float | int | None, unit: str) -> None:
    assert figures.measured_text(value, unit)
    assert figures.bytes_text(value)
    assert figures.rate_text(value, value)
    assert figures.time_text(value)
