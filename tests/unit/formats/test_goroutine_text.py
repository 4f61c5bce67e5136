from __future__ import annotations

import gzip
import resource

import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.goroutine_text import GO_CUTS_AT_BYTES, group_goroutines, parse_goroutines
from mapmedic.model.goroutines import GoroutineFrame
from tests.golden.corpus import CAPTURED

WHOLE = (CAPTURED / "go1.27.3" / "goroutine.txt").read_bytes()


def goroutine(number: int, remarks: str = "select", argument: int = 1) -> str:
    return (
        f"goroutine {number} [{remarks}]:\n"
        f"main.(*Pool[...]).run({argument:#x}, {{0x2, ...}})\n\t/a b/pool.go:7 +0x{argument:x}\n"
        "main.inlined(...)\n\t/a b/pool.go:3\n"
        f"created by main.start in goroutine {number + 5}\n\t/a b/main.go:9 +0x1d\n"
    )


def dump(*goroutines: str) -> bytes:
    return "\n".join(goroutines).encode()


def test_twins_are_one_group() -> None:
    parsed = parse_goroutines(dump(*(goroutine(n, argument=n) for n in range(1, 41))))
    (group,) = parsed.groups
    assert (group.count, parsed.total, parsed.truncated) == (40, 40, False)
    assert group.sample_ids == tuple(range(1, 17))
    assert group.frames == (
        GoroutineFrame("main.(*Pool[...]).run", "/a b/pool.go", 7),
        GoroutineFrame("main.inlined", "/a b/pool.go", 3),
    )
    assert group.created_by == GoroutineFrame("main.start", "/a b/main.go", 9)


def test_remarks_of_a_header() -> None:
    parsed = parse_goroutines(
        dump(
            goroutine(1, "select, 3 minutes"),
            goroutine(2, "select (scan), 90 minutes, locked to thread"),
            goroutine(3, "chan receive (nil chan)"),
            goroutine(4, "select, synctest bubble 3"),
        )
    )
    waiting, other = parsed.groups
    assert (waiting.count, waiting.state, waiting.locked_to_thread) == (3, "select", 1)
    assert (waiting.wait_minutes_min, waiting.wait_minutes_max) == (0, 90)
    assert other.state == "chan receive (nil chan)"


def test_labels_after_the_state() -> None:
    text = goroutine(1).replace("]:\n", '] {"a:b": c}:\n', 1)
    assert parse_goroutines(text.encode()).groups[0].state == "select"


def test_frames_left_out_and_stacks_that_cannot_be_had() -> None:
    elided = goroutine(1).replace("created by", "...additional frames elided...\ncreated by")
    unavailable = "goroutine 2 [running]:\n\tgoroutine running on other thread; stack unavailable\n"
    ancestors = goroutine(3, "IO wait") + "[originating from goroutine 1]:\nmain.main(...)\n\tx.go:3 +0x1\n"
    first, second, third = parse_goroutines(dump(elided, unavailable, ancestors)).groups
    assert (first.elided, second.elided) == (True, False)
    assert (second.frames, second.created_by) == ((), None)
    assert len(third.frames) == 2


def test_labels_inside_the_state_of_go_1_26() -> None:
    text = goroutine(1, 'select (scan), 5 minutes labels:{"a]": "b, c", "d": "e"}') + "\n"
    (group,) = parse_goroutines(text.encode() + goroutine(2, 'select labels:{"f": "g"}').encode()).groups
    assert (group.count, group.state, group.wait_minutes_max) == (2, "select", 5)


@pytest.mark.parametrize("word", ["exit status 2", '{"level":"info"}', "FAIL\tpkg\t0.1s"])
@pytest.mark.parametrize("line", range(8))
def test_the_words_of_another_writer_are_passed_over(word: str, line: int) -> None:
    lines = goroutine(1).splitlines()
    torn = "\n".join([*lines[:line], word, *lines[line:]]) + "\n"
    assert parse_goroutines(torn.encode()) == parse_goroutines(goroutine(1).encode())


def test_the_words_of_a_panic_may_look_like_a_goroutine() -> None:
    text = "panic: no\n\ngoroutine 9 [made up]:\nin the words [recovered]\n\tpanic: again\n\n" + goroutine(1)
    assert parse_goroutines(text.encode()) == parse_goroutines(goroutine(1).encode())


def test_functions_of_c_have_no_arguments() -> None:
    text = (
        "goroutine 1 [syscall]:\nnon-Go function\n\tpc=0x7f\nread\n\t/a b/x.c:7 pc=0x8f\nmain.f()\n\tx.go:1\n"
    )
    (group,) = parse_goroutines(text.encode()).groups
    assert group.frames == (
        GoroutineFrame("non-Go function", "pc=0x7f", 0),
        GoroutineFrame("read", "/a b/x.c", 7),
        GoroutineFrame("main.f", "x.go", 1),
    )


def test_crlf_gzip_and_pieces_change_nothing() -> None:
    plain = parse_goroutines(WHOLE)
    assert parse_goroutines(WHOLE.replace(b"\n", b"\r\n")) == plain
    assert parse_goroutines(gzip.compress(WHOLE)) == plain
    for size in (1, 13, 1000):
        assert group_goroutines(WHOLE[at : at + size] for at in range(0, len(WHOLE), size)) == plain


def test_a_cut_dump_says_so() -> None:
    plain = parse_goroutines(WHOLE)
    for end in range(30, len(WHOLE) - 1, 31):
        parsed = parse_goroutines(WHOLE[:end])
        whole_lines_only = WHOLE[end - 1 : end] == b"\n"
        assert parsed.truncated or whole_lines_only
        assert parsed.total <= plain.total


def test_go_cuts_at_64_mib_between_lines_too() -> None:
    one = goroutine(1).encode() + b"\n"
    text = one * (GO_CUTS_AT_BYTES // len(one))
    missing = GO_CUTS_AT_BYTES - len(text)
    full = b"\n" * missing + text
    assert parse_goroutines(full).truncated
    assert not parse_goroutines(full[1:]).truncated


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no goroutine"),
        (b"<html>\n", "no goroutine"),
        (b"goroutine 1 [x]:\n\nmore\n", "without a whole frame"),
        (b"goroutine 1 [x]:\nmain.f()\nmain.g()\n", "without its file:line"),
        (b"goroutine 1 [x]:\n\tx.go:1\n", "without a function"),
        (b"goroutine 1 [x]:\n" + b"f" * (2 << 20), "line of more than"),
        (b"goroutine 1 [x]:\n" + b"f()\n\tx.go:1\n" * 200_000, "a goroutine of more than"),
    ],
)
def test_what_is_no_dump(text: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        parse_goroutines(text)


def test_endless_distinct_stacks_are_stopped() -> None:
    pieces = (goroutine(n).replace("run", f"run{n}").encode() + b"\n" for n in range(10**9))
    with pytest.raises(FormatError, match="distinct stacks"):
        group_goroutines(pieces)


def test_an_endless_dump_is_stopped_where_asked() -> None:
    pieces = (goroutine(n).encode() + b"\n" for n in range(10**9))
    with pytest.raises(FormatError, match="larger than 1000000 bytes"):
        group_goroutines(pieces, max_bytes=1_000_000)


def test_memory_follows_distinct_stacks_not_goroutines() -> None:
    piece = b"\n".join(goroutine(n).encode() for n in range(1000)) + b"\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parsed = group_goroutines(piece for _ in range(300))
    assert parsed.total == 300_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10
