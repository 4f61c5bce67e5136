"""Streams of entries: any cut, any piece size, any flipped bit; and the header of a backup."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.capture.backup_file import BackupWriter, iter_pieces, read_backup
from mapmedic.errors import CouldNotLook, FormatError, OutputExists
from mapmedic.formats.entry_stream import (
    StreamReader,
    encode_frame,
    encode_header,
    encode_stream,
    parse_header,
)
from mapmedic.model.backup import BackupHeader, StreamEnd
from mapmedic.model.units import UnixNanoseconds

HEADER = BackupHeader(
    "main.T.m", "map", "map[string]int", "http://t", "swap", "abc-1", 3, True, (), "me@here",
    UnixNanoseconds(1_700_000_000_000_000_000), "0.1.0",
)  # fmt: skip
ENTRIES = [b'{"k":"a","v":1}', b'{"k":"\\u0000","v":null}', b'{"k":"c","v":"%s"}' % (b"x" * 3000)]
WHOLE = encode_stream(ENTRIES)


def read(data: bytes, size: int) -> tuple[list[bytes], StreamEnd]:
    reader = StreamReader()
    payloads = [p for at in range(0, len(data), size) for p in reader.feed(data[at : at + size])]
    return payloads, reader.finish()


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 60))
def test_what_was_written_is_read_in_pieces_of_any_size(payloads: list[bytes], size: int) -> None:
    got, end = read(encode_stream(payloads), size)
    assert got == payloads
    assert (end.entries, end.unencodable) == (len(payloads), 0)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_stream_cut_anywhere_is_no_stream(cut: int) -> None:
    with pytest.raises(FormatError, match="cut short"):
        read(WHOLE[:cut], 100)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_seen(at: int, bit: int) -> None:
    broken = bytearray(WHOLE)
    broken[at] ^= 1 << bit
    try:
        got, end = read(bytes(broken), 4096)
    except FormatError:
        return
    assert got == ENTRIES, "only what a digest does not cover may go through: the JSON of the trailer"
    assert end.sha256 == read(WHOLE, 4096)[1].sha256


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (WHOLE + b"\0\0\0\1x", "more after its trailer"),
        (WHOLE + b"x", "more after its trailer"),
        (b"\xff\xff\xff\xff", "more than the 8,388,608 allowed"),
        (encode_frame(b"") + b"\0\1\0\0", "more than the 4,096 allowed"),
        (encode_frame(b"") + encode_frame(b"[]"), "not a JSON object"),
        (encode_frame(b"") + encode_frame(b'{"entries":true}'), "not as the agent writes it"),
        (
            encode_frame(b"") + encode_frame(b'{"entries":2,"unencodable":0,"sha256":""}'),
            "its trailer says 2",
        ),
        (encode_frame(b"") + encode_frame(b'{"entries":0,"unencodable":0,"sha256":""}'), "SHA-256"),
    ],
)
def test_what_is_no_stream_says_why(data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        read(data, 1000)


def test_a_reader_holds_one_frame_at_most() -> None:
    reader = StreamReader()
    with pytest.raises(FormatError):
        reader.feed(b"\x7f\xff\xff\xff" + b"x" * 100)


def test_the_header_comes_back_as_it_was() -> None:
    strange = replace(HEADER, map="main.T\u2028\x1b[2J", losses=("a", "b"), lossless=False)
    data = encode_header(strange)
    assert parse_header(data + WHOLE) == (strange, len(data))


@pytest.mark.parametrize("field", ["schema", "map", "entries", "lossless", "losses", "taken_at_unix_ns"])
def test_a_header_without_a_field_is_none(field: str) -> None:
    facts = json.loads(encode_header(HEADER)[4:])
    del facts[field]
    with pytest.raises(FormatError):
        parse_header(encode_frame(json.dumps(facts).encode()))


@pytest.mark.parametrize("data", [b"", b"\0\0\0\0", b"\x00\x00\x00\x05{}", b"\xff\xff\xff\xff{}", WHOLE])
def test_what_is_no_backup(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_header(data)


def written(path: Path, payloads: list[bytes]) -> Path:
    with BackupWriter(path, replace(HEADER, entries=len(payloads))) as writer:
        writer.write(encode_stream(payloads))
        writer.finish(read(encode_stream(payloads), 1 << 16)[1])
    return path


def test_pieces_are_streams_of_their_own_and_make_up_the_whole(tmp_path: Path) -> None:
    payloads = [b'{"k":%d,"v":"%s"}' % (n, b"x" * (n % 700)) for n in range(3000)]
    path = written(tmp_path / "b", payloads)
    pieces = list(iter_pieces(path, 50_000, lossy=False))
    assert len(pieces) > 10
    assert max(len(data) for _, data in pieces) <= 50_000
    assert [p for _, data in pieces for p in read(data, 1 << 16)[0]] == payloads
    assert sum(count for count, _ in pieces) == len(payloads)


@pytest.mark.parametrize("lossy", [None, True, False])
def test_what_a_backup_says_of_its_losses_goes_with_every_piece(tmp_path: Path, lossy: bool | None) -> None:
    """An agent of before refuses by it types that lead back to themselves: a forged "false" restores cut entries."""
    payloads = [b"a", b"b" * 60, b"c"]
    path = tmp_path / "b"
    with BackupWriter(path, replace(HEADER, entries=3)) as writer:
        writer.write(encode_stream(payloads, lossy=lossy))
        writer.finish(read(encode_stream(payloads, lossy=lossy), 1 << 16)[1])
    end = read_backup(path).end
    assert end.lossy is lossy
    pieces = list(iter_pieces(path, 64, lossy=end.lossy))
    assert len(pieces) == 3
    assert [read(data, 1 << 16)[1].lossy for _, data in pieces] == [lossy] * 3


def test_a_trailer_whose_loss_is_no_bool_is_none() -> None:
    broken = WHOLE.replace(b'"lossy": false', b'"lossy": "no" ')
    with pytest.raises(FormatError):
        read(broken, 1000)


def test_an_entry_larger_than_a_piece_goes_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "b", [b"a", b"x" * 90_000, b"b"])
    assert [count for count, _ in iter_pieces(path, 50_000, lossy=False)] == [1, 1, 1]


def test_a_damaged_backup_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "b", ENTRIES)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError, match=str(path)):
        read_backup(path)
    with pytest.raises(FormatError, match=str(path)):
        list(iter_pieces(path, 1000, lossy=False))
    with pytest.raises(CouldNotLook):
        read_backup(tmp_path / "none")


def test_a_writer_replaces_nothing_and_leaves_no_part(tmp_path: Path) -> None:
    path = written(tmp_path / "b", ENTRIES)
    with pytest.raises(OutputExists):
        BackupWriter(path, HEADER)
    with pytest.raises(RuntimeError), BackupWriter(tmp_path / "c", HEADER):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]
