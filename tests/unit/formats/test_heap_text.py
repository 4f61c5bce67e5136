from __future__ import annotations

import gzip
import re

import numpy as np
import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.model.heap_records import hidden_prefix_lengths, unsample
from tests.golden.corpus import CAPTURED
from tests.property.strategies import FOOTER

WHOLE = (CAPTURED / "go1.23.9" / "heap.txt").read_bytes()
HEADER = b"heap profile: 1: 2 [3: 4] @ heap/8192\n"
RECORD = b"1: 64 [2: 128] @ 0x10 0x21\n#\t0x20\tmain.f+0x1\tx.go:7\n\n"


def one(frame: bytes) -> tuple[str, int, str, int]:
    """Parse a text with this single ``#`` line."""
    records = parse_heap_text(HEADER + b"1: 64 [2: 128] @ 0x21\n" + frame + b"\n\n" + FOOTER)
    (name,), (file,) = records.names, records.files
    return name, int(records.frame_offset[0]), file, int(records.frame_line[0])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"#\t0x20\tmain.f+0x1\tx.go:7", ("main.f", 1, "x.go", 7)),
        (b"#\t0x20\tmain.f+0x1\t\t\t/a b/c:d.go:7", ("main.f", 1, "/a b/c:d.go", 7)),
        (b"#\t0x20\tmain.(*Cache[...]).Put+0x1f\tx.go:7", ("main.(*Cache[...]).Put", 31, "x.go", 7)),
        (b"#\t0x20\tmain.a b+c+0x1\tx.go:7", ("main.a b+c", 1, "x.go", 7)),
        ("#\t0x20\tmain.füllen+0x1\tx.go:7".encode(), ("main.füllen", 1, "x.go", 7)),
        (b"#   0x20   main.f+0x1   x.go:7", ("main.f", 1, "x.go", 7)),
        (b"#\t0x20\tmain.\x1b[2J\xff+0x1\tx.go:7", ("main.\x1b[2J\ufffd", 1, "x.go", 7)),
        (b"#\t0x20", ("", 0, "", 0)),
    ],
)
def test_frame_lines(line: bytes, expected: tuple[str, int, str, int]) -> None:
    assert one(line) == expected


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"1: 64 [2: 128] @ 0x\n\n", "program counter"),
        (b"1: 64 [2: 128] @ 0x11112222333344445\n\n", "program counter"),
        (b"1: 64 [2: 99999999999999999999] @ 0x1\n\n", "neither a record"),
        (b"1: 64 [2: 128] @ 0x1\n#\tmain.f\n\n", "without a program counter"),
        (b"1: 64 [2: 128] @ 0x1\n#\t0x1\tmain.f x.go\n\n", "without function and file"),
        (b"<html>\n", "neither a record"),
    ],
)
def test_what_does_not_parse_is_named_with_its_place(record: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        parse_heap_text(HEADER + RECORD + record + FOOTER)
    assert caught.value.offset is not None
    assert len(HEADER + RECORD) <= caught.value.offset < len(HEADER + RECORD + record)


@pytest.mark.parametrize("header", [b"", b"heap profile: 1: 2 [3: 4] @ heap/-1\n", b"<html>\n", b"heap"])
def test_a_wrong_first_line(header: bytes) -> None:
    with pytest.raises(FormatError, match="heap profile:") as caught:
        parse_heap_text(header + RECORD + FOOTER)
    assert caught.value.offset == 0


def test_a_line_of_offsets_takes_linear_time() -> None:
    """Trying each offset against the rest of the line took a minute for this one."""
    with pytest.raises(FormatError, match="without function and file"):
        parse_heap_text(HEADER + b"1: 64 [2: 128] @ 0x1\n#\t0x1\t" + b"f+0x0 " * 2_000_000 + b"\n\n" + FOOTER)


def test_crlf_and_gzip_change_nothing() -> None:
    plain = parse_heap_text(WHOLE)
    for other in (WHOLE.replace(b"\n", b"\r\n"), gzip.compress(WHOLE)):
        records = parse_heap_text(other)
        assert records.names == plain.names
        assert records.memstats == plain.memstats
        assert np.array_equal(records.stack, plain.stack)
        assert np.array_equal(records.frame_start, plain.frame_start)


def test_every_cut_is_refused_or_leaves_whole_records() -> None:
    plain = parse_heap_text(WHOLE)
    for end in range(WHOLE.index(b"\n") + 1, len(WHOLE), 97):
        with pytest.raises(FormatError):
            parse_heap_text(WHOLE[:end])
        records = parse_heap_text(WHOLE[:end], allow_truncated=True)
        depth, frames = len(records.stack), len(records.frame_pc)
        assert not records.complete
        assert records.record_count <= plain.record_count
        assert np.array_equal(records.inuse_bytes, plain.inuse_bytes[: records.record_count])
        assert np.array_equal(records.stack_start, plain.stack_start[: records.record_count + 1])
        assert np.array_equal(records.stack, plain.stack[:depth])
        assert np.array_equal(records.frame_start, plain.frame_start[: records.record_count + 1])
        assert np.array_equal(records.frame_pc, plain.frame_pc[:frames])
        assert records.stack_start[-1] == depth
        assert records.frame_start[-1] == frames


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_a_cut_in_the_very_last_number(missing: int) -> None:
    with pytest.raises(FormatError, match="cut in its last line"):
        parse_heap_text(WHOLE[:-missing])
    assert not parse_heap_text(WHOLE[:-missing], allow_truncated=True).complete


def test_a_footer_from_which_a_line_is_missing() -> None:
    with pytest.raises(FormatError, match="HeapAlloc"):
        parse_heap_text(re.sub(rb"# HeapAlloc = \d+\n", b"", WHOLE))


def test_a_bomb_is_stopped_while_it_inflates() -> None:
    with pytest.raises(FormatError, match="more than 1000000 bytes"):
        parse_heap_text(gzip.compress(b"\0" * (64 << 20)), max_bytes=1_000_000)
    with pytest.raises(FormatError, match="larger than 1000 bytes"):
        parse_heap_text(WHOLE, max_bytes=1000)


def test_records_without_a_blank_line_between_them() -> None:
    records = parse_heap_text(HEADER + RECORD.rstrip() + b"\n" + RECORD + FOOTER)
    assert records.stack_start.tolist() == [0, 2, 4]
    assert records.frame_start.tolist() == [0, 1, 2]


def test_hidden_frames_of_odd_records() -> None:
    none = b"1: 64 [2: 128] @ 0x10 0x21\n\n"
    entry = b"1: 64 [2: 128] @ 0x10 0x20\n#\t0x20\tmain.f+0x0\tx.go:7\n\n"
    foreign = b"1: 64 [2: 128] @ 0x10\n#\t0x99\tmain.f+0x0\tx.go:7\n\n"
    empty = b"1: 64 [2: 128] @\n\n"
    records = parse_heap_text(HEADER + none + entry + RECORD + foreign + empty + FOOTER)
    assert hidden_prefix_lengths(records).tolist() == [2, 1, 1, 1, 0]


def test_unsampling_as_go_does() -> None:
    def column(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(numbers, dtype=np.int64)

    objects, sizes = unsample(column(1, 10, 0, -1, 2**62), column(524288, 160, 0, 5, 2**63 - 1), 524288)
    assert objects[:3].tolist() == [1, 327685, 0]  # 10 / (1 - exp(-16/524288)) and so on
    assert sizes[:3].tolist() == [829411, 5242960, 0]
    assert sizes[3] == 0
    assert np.isfinite(objects).all() and np.isfinite(sizes).all()
    for rate in (0, 1):
        assert unsample(column(3), column(30), rate)[1].tolist() == [30]
