"""Memory figures of a gops agent and of /debug/vars: exact, bounded, and a FormatError for all else."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.errors import FormatError
from mapmedic.formats.expvar import parse_expvar_memstats
from mapmedic.formats.gops import parse_gops_goroutines, parse_gops_memstats
from tests.support.memory_figures import EXPVAR, GOPS

PARSERS = (parse_gops_memstats, parse_gops_goroutines, parse_expvar_memstats)


def test_gops_figures_are_the_exact_ones() -> None:
    stats = parse_gops_memstats(GOPS)
    assert (stats.heap_alloc_bytes, stats.next_gc_bytes, stats.lookups) == (13_039_576, 15_713_442, 0)
    assert (stats.num_gc, stats.last_gc_ns, stats.pause_ns) == (2, 1_795_421_033_864_103_367, ())
    parts = 16_416_768 + 360_448 + 261_120 + 16_072 + 774_779 + 2_049_296
    assert stats.buck_hash_sys_bytes == 21_321_992 - parts > 0
    assert parse_gops_goroutines(b"goroutines: 12\nOS threads: 8\n") == 12


@pytest.mark.parametrize("line", GOPS.splitlines(keepends=True)[:22])
def test_a_gops_figure_that_is_missing_is_an_error(line: bytes) -> None:
    if b"last-gc" not in line and b"gc-pause-total" not in line:
        with pytest.raises(FormatError):
            parse_gops_memstats(GOPS.replace(line, b""))


@pytest.mark.parametrize("value", [None, -1, 1.5, "7", True, 1 << 64, [], {}])
@pytest.mark.parametrize("name", ["Alloc", "NumGC", "PauseNs"])
def test_an_expvar_figure_that_is_none(name: str, value: Any) -> None:
    page = json.loads(EXPVAR)
    page["memstats"][name] = [value] if name == "PauseNs" else value
    with pytest.raises(FormatError, match=name):
        parse_expvar_memstats(json.dumps(page).encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"[" * 100_000, b'{"memstats": 1}', b"1" * 5000, b"\xff"]
)
@pytest.mark.parametrize("parser", PARSERS)
def test_what_is_none(parser: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(FormatError):
        parser(data)


def test_bounds() -> None:
    with pytest.raises(FormatError):
        parse_expvar_memstats(EXPVAR, max_bytes=len(EXPVAR) - 1)
    with pytest.raises(FormatError):
        parse_gops_memstats(GOPS + b" " * (64 << 10))
    page = json.loads(EXPVAR)
    page["memstats"]["PauseNs"] = [1] * 257
    with pytest.raises(FormatError, match="at most 256"):
        parse_expvar_memstats(json.dumps(page).encode())


@given(st.binary(max_size=300), st.integers(0, len(EXPVAR)))
def test_only_format_errors(data: bytes, at: int) -> None:
    for parser in PARSERS:
        for text in (data, GOPS[:at] + data + GOPS[at:], EXPVAR[:at] + data + EXPVAR[at + len(data) :]):
            with suppress(FormatError):
                parser(text)
