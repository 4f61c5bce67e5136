"""The benchmarks' made-up inputs and their bars: a fast answer that is wrong must not win."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.big_dump import write_big_dump
from benchmarks.big_profile import big_profile
from benchmarks.measure import Bar, Result
from benchmarks.run import section
from benchmarks.top_table import totals
from mapmedic.formats.goroutine_text import parse_goroutines


def test_the_dump_groups_as_it_was_written(tmp_path: Path) -> None:
    dump = tmp_path / "dump.txt"
    written = write_big_dump(dump, 20_000)
    parsed = parse_goroutines(dump.read_bytes())
    assert Counter(group.count for group in parsed.groups) == Counter(written.values())
    assert (parsed.total, len(parsed.groups) > 200) == (20_000, True)
    assert max(group.wait_minutes_max for group in parsed.groups) == 50


def test_the_top_table_is_the_plain_sum() -> None:
    profile = big_profile(300, 40)  # few functions: many stacks hold one twice
    values = profile.values[:, 3]
    flat, cumulative = totals(profile, values)
    plain_flat, plain_cumulative = np.zeros(40), np.zeros(40)
    for sample in range(profile.sample_count):
        stack = profile.line_function[profile.stack_of(sample)]
        plain_flat[stack[0]] += values[sample]
        plain_cumulative[list(set(stack.tolist()))] += values[sample]
    assert flat.tolist() == plain_flat.tolist()
    assert cumulative.tolist() == plain_cumulative.tolist()


def test_bars() -> None:
    assert Bar("times as fast", 5, 5, at_least=True).passed
    assert not Bar("times as fast", 4.9, 5, at_least=True).passed
    assert not Bar("CPU", 0.41, 0.4, at_least=False).passed
    missed = Bar("CPU", 0.5, 0.4, at_least=False, unit=" s")
    assert str(missed) == "MISSED: CPU 0.5 s, wanted at most 0.4 s"
    text = section(Result("T", "words", (("a", "b"), ("1", "2")), (missed,)))
    assert text == f"## T\n\nwords\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n* {missed}\n"
