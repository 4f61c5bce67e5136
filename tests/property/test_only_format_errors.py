"""Whatever the bytes: an answer or a FormatError, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mapmedic.errors import FormatError
from mapmedic.formats.pprof import encode_profile, parse_profile
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS
from tests.property.strategies import raw_profiles

PREFIXES = [
    b"",
    b"heap profile: 1: 2 [3: 4] @ heap/8192\n",
    b"goroutine 1 [running]:\n",
    b"num_symbols: 1\n",
    b"goroutine profile: total 7\n",
    b"gc 1 @0.001s 2%: 0+1.2+13 ms clock, 0.1+0.2/0.3/0.4+0.5 ms cpu, 4->4->0 MB, 5 MB goal, 4 P\n",
    b"go_x ",
    b"\x1f\x8b\x08\x00",
]


def answer_or_format_error(run: Callable[[bytes], object], data: bytes) -> None:
    try:
        run(data)
    except FormatError as error:
        assert error.what and error.why
        assert error.offset is None or 0 <= error.offset <= max(len(data), 16 << 20)


@pytest.mark.parametrize("name", TARGETS)
@given(prefix=st.sampled_from(PREFIXES), data=st.binary(max_size=300))
@example(prefix=b"", data=b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@settings(max_examples=150, deadline=None)
def test_random_bytes(name: str, prefix: bytes, data: bytes) -> None:
    answer_or_format_error(TARGETS[name].run, prefix + data)


@pytest.mark.parametrize("name", TARGETS)
def test_broken_goldens(name: str) -> None:
    corpus = TARGETS[name].corpus()
    for seed in range(150):
        answer_or_format_error(TARGETS[name].run, mutate(Random(seed), corpus))  # noqa: S311


@given(raw_profiles())
@settings(max_examples=150, deadline=None)
def test_writing_is_stable(data: bytes) -> None:
    """What is written reads back the same, and is written the same again."""
    first = encode_profile(parse_profile(data))
    assert encode_profile(parse_profile(first)) == first
