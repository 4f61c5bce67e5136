"""Entries saved from outside: the header of a file comes back as it was, one that is cut is never taken for whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.api import export_entries
from mapmedic.capture.entries_file import DIFFERENCE_SUFFIX, EntriesWriter
from mapmedic.errors import CouldNotLook, FormatError
from mapmedic.formats.saved_entries import encode_saved_header, parse_saved_header
from mapmedic.model.saved_entries import EntryBounds, SavedHeader
from mapmedic.model.units import UnixNanoseconds

COUNTS = st.integers(0, 1 << 63)
MAYBE = st.none() | st.text()
HEADERS = st.builds(
    SavedHeader, pid=COUNTS, started_ticks=COUNTS, boot=st.text(), program=st.text(), build_id=MAYBE,
    owner=st.text(), type=MAYBE, design=st.text(), address=COUNTS, key_type=MAYBE, value_type=MAYBE,
    entries=COUNTS, is_redacted=st.booleans(), is_difference=st.booleans(), base=MAYBE,
    copied_at=COUNTS.map(UnixNanoseconds), bounds=st.builds(EntryBounds, *[COUNTS] * 6), tool_version=st.text(),
)  # fmt: skip
HEADER = SavedHeader(
    7, 8, "boot", "/srv/app", None, "main.m", "map[string]int", "swiss", 4096, "string", "int", 3,
    is_redacted=False, is_difference=False, base=None, copied_at=UnixNanoseconds(9), bounds=EntryBounds(),
    tool_version="0",
)  # fmt: skip
ENTRIES = [b'{"key":"a","value":1}', b'{"key":"b","value":2}', b'{"key":"\\u202e","value":3}']


@given(HEADERS, st.binary(max_size=20))
def test_a_header_comes_back_as_it_was(header: SavedHeader, behind: bytes) -> None:
    encoded = encode_saved_header(header)
    assert parse_saved_header(encoded + behind) == (header, len(encoded))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: len(b).to_bytes(4, "big") + b))
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_saved_header(data)


@pytest.mark.parametrize("name", [each for each in HEADER.__slots__ if each != "copied_at"])
def test_each_field_is_needed_and_checked(name: str) -> None:
    facts = json.loads(encode_saved_header(HEADER)[4:])
    for wrong in ({**facts, name: [1]}, {key: value for key, value in facts.items() if key != name}):
        data = json.dumps(wrong).encode()
        if name in ("build_id", "type", "key_type", "value_type", "base", "is_raw") and name not in wrong:
            continue  # none is as good as null, and files of before do not say that they are raw
        with pytest.raises(FormatError):
            parse_saved_header(len(data).to_bytes(4, "big") + data)


def saved(path: Path, header: SavedHeader, payloads: list[bytes]) -> bytes:
    with EntriesWriter(path, header) as writer:
        for each in payloads:
            writer.write_one(each)
        writer.finish(lossy=False)
    return path.read_bytes()


def refused_at_each_cut(damaged: Path, named: Path, whole: bytes) -> None:
    for length in range(len(whole)):
        damaged.write_bytes(whole[:length])
        with pytest.raises(CouldNotLook) as refused:
            list(export_entries(named))
        assert str(refused.value)
    entries, trailer = parse_saved_header(whole)[1], whole.rindex(b'{"entries"')
    for place in range(entries, trailer):  # no byte of an entry is another
        damaged.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        with pytest.raises(CouldNotLook):
            list(export_entries(named))
    damaged.write_bytes(whole)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.entries"
    whole = saved(path, HEADER, ENTRIES)
    assert [json.loads(line)["value"] for line in export_entries(path)] == [1, 2, 3]
    refused_at_each_cut(path, path, whole)


def test_a_difference_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.entries"
    saved(path, HEADER, ENTRIES)
    beside = path.with_suffix(DIFFERENCE_SUFFIX)
    header = replace(HEADER, is_difference=True, base=str(path))
    changes = [b'{"entry":{"key":"b","value":5},"was":1}', b'{"entry":{"key":"d","value":4}}', b'{"gone":0}']
    whole = saved(beside, header, changes)
    assert [json.loads(line)["value"] for line in export_entries(path)] == [3, 5, 4]
    refused_at_each_cut(beside, path, whole)
