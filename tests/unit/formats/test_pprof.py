from __future__ import annotations

import dataclasses
import gzip

import numpy as np
import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.pprof import encode_profile, parse_profile
from tests.golden.corpus import CAPTURED
from tests.property.strategies import message, number, repeated

WHOLE = (CAPTURED / "go1.27.3" / "heap.pb.gz").read_bytes()
TYPE = message(1, number(1, 1), number(2, 2))
TABLE = message(6) + message(6, b"space") + message(6, b"bytes")


def refused(data: bytes, why: str | None = None) -> FormatError:
    with pytest.raises(FormatError, match=why) as caught:
        parse_profile(data)
    return caught.value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (message(2, repeated(1, [7], True), repeated(2, [1], True)), "location 7, which is not defined"),
        (message(2, repeated(2, [1, 2], True)), "2 values for 1 types"),
        (message(2), "0 values for 1 types"),
        (message(4, number(1, 1)) * 2, "id 1 given twice"),
        (message(4, number(3, 1)), "an id that is 0"),
        (message(4, number(1, 1), message(4, number(1, 9))), "function 9 is not defined"),
        (message(4, number(1, 1), number(2, 9)), "mapping 9 is not defined"),
        (message(5, number(1, 1), number(2, 9)), "string 9 is not in the table of 3"),
        (message(5, number(1, 1), number(2, 2**64 - 1)), "string -1 is not in the table"),
        (number(14, 2**62), "is not in the table"),
        (b"\x12\xff\xff\xff\xff\x0f", "longer than what is left"),
        (b"\x12\x80", "cut in a number"),
        (b"\x48" + b"\xff" * 10, "over 64 bits"),
        (b"\x48" + b"\xff" * 9 + b"\x02", "over 64 bits"),
        (b"\x0b", "wire type"),
        (b"\x00\x00", "field number 0"),
        (number(2, 5), "should be a message"),
        (message(9, b"x"), "should be a number"),
    ],
)
def test_what_does_not_hold_together_is_refused(body: bytes, why: str) -> None:
    error = refused(TYPE + TABLE + body, why)
    assert error.offset is not None


def test_offsets_point_at_the_sample() -> None:
    start = TYPE + TABLE + message(2, repeated(2, [5], False))
    assert refused(start + message(2), "0 values").offset == len(start)


def test_a_string_table_must_begin_with_the_empty_string() -> None:
    refused(message(6, b"x"), "empty string")


def test_an_empty_file_and_no_profile_at_all() -> None:
    assert refused(b"", "empty").offset == 0
    refused(b"<html><body>404</body></html>")
    refused(b"heap profile: 1: 2")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (message(6), "strings"),
        (message(4, number(1, 1)), "locations"),
        (message(5, number(1, 1)), "functions"),
        (message(3, number(1, 1)), "mappings"),
        (message(1), "sample types"),
    ],
)
def test_floods_of_tiny_rows_are_stopped(row: bytes, what: str) -> None:
    refused(row * ((1 << 22) + 1), f"more than \\d+ {what}")


def test_ids_far_apart_cost_nothing() -> None:
    far = [1, 2**40, 2**64 - 1]
    places = b"".join(message(4, number(1, identity), number(3, identity)) for identity in far)
    profile = parse_profile(TYPE + TABLE + places + message(2, repeated(1, far[::-1], True), number(2, 1)))
    assert profile.stack.tolist() == [2, 1, 0]


@pytest.mark.parametrize("end", [1, 5, 10, 18, 100, 1000, len(WHOLE) - 1])
def test_a_cut_gzip_stream(end: int) -> None:
    refused(WHOLE[:end])


def test_a_gzip_stream_with_a_wrong_checksum() -> None:
    refused(WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], "broken gzip")


def test_a_bomb_is_stopped_while_it_inflates() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    with pytest.raises(FormatError, match="more than 1000000 bytes"):
        parse_profile(bomb, max_bytes=1_000_000)


def test_concatenated_gzip_members_are_one_stream() -> None:
    plain = gzip.decompress(WHOLE)
    parts = gzip.compress(plain[:1000]) + gzip.compress(plain[1000:])
    assert np.array_equal(parse_profile(parts).stack, parse_profile(WHOLE).stack)


@pytest.mark.parametrize(
    ("field", "column", "why"),
    [
        ("stack", np.array([10**6], dtype=np.int32), "stack names row|does not rise"),
        ("stack_start", np.array([0, 5, 3], dtype=np.int64), "does not rise"),
        ("values", np.zeros((1, 4), dtype=np.int64), "values has 4 rows"),
        ("line_function", np.array([-7], dtype=np.int32), "line_function names row"),
        ("location_folded", np.zeros(1, dtype=np.bool_), "location_folded has 1 rows"),
        ("function_files", ("x",), "differ in number"),
    ],
)
def test_columns_that_do_not_fit_are_not_written(field: str, column: object, why: str) -> None:
    changes: dict[str, object] = {field: column}
    profile = dataclasses.replace(parse_profile(WHOLE), **changes)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=why):
        encode_profile(profile)


def test_starts_that_jump_back_are_not_written() -> None:
    profile = parse_profile(WHOLE)
    starts = profile.line_start.copy()
    starts[1] = starts[-1] + 7
    with pytest.raises(FormatError, match="line_start does not rise"):
        encode_profile(dataclasses.replace(profile, line_start=starts))


def test_lookups() -> None:
    profile = parse_profile(WHOLE)
    assert profile.type_index("inuse_space") == 3
    assert profile.type_index("cpu") is None
    assert profile.stack_of(0).tolist() == profile.stack[: profile.stack_start[1]].tolist()
    with pytest.raises(ValueError, match="read-only"):
        profile.values[0, 0] = 1
