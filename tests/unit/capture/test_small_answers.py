"""What the agent and ``goroutine?debug=1`` answer, and what they must never get away with."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.capture.agent import AgentLink, memory_point
from mapmedic.capture.http import HttpClient
from mapmedic.errors import (
    AgentRefused,
    FormatError,
    MapmedicError,
    NotAuthorized,
    UnexpectedAnswer,
)
from mapmedic.formats.agent import parse_object, parse_registered_maps
from mapmedic.formats.goroutine_counts import parse_goroutine_counts
from tests.support.go_process import AGENT, COUNTS, TOKEN, agent
from tests.support.scripted_server import ScriptedServer, answers

ENTRY = {"name": "n", "kind": "map", "type": "t", "entries": 1, "registered_at": "a.go:1", "later": {}}


def maps(*entries: object) -> bytes:
    return json.dumps({"schema": "mapmedic.agent.maps/1", "maps": list(entries)}).encode()


def test_registered_maps() -> None:
    (one, two) = parse_registered_maps(maps(ENTRY, {**ENTRY, "entries": None, "registered_at": None}))
    assert (one.name, one.kind, one.type, one.entries, one.registered_at) == ("n", "map", "t", 1, "a.go:1")
    assert (two.entries, two.registered_at) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [{"entries": value} for value in (-1, 1.5, True, "1", float("inf"), float("nan"), 1 << 64, [], {})]
    + [{key: value} for key in ("name", "kind", "type") for value in (None, 1, [], {})]
    + [{"registered_at": 7}],
)
def test_an_entry_that_is_not_the_contracts(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        parse_registered_maps(maps({**ENTRY, **changes}))


@pytest.mark.parametrize("entry", [None, 1, "x", [], ["entries"]])
def test_an_entry_that_is_none(entry: object) -> None:
    with pytest.raises(FormatError):
        parse_registered_maps(maps(entry))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"{}", b'{"maps": []}',
     b'{"schema": "mapmedic.agent.maps/2", "maps": []}', b'{"schema": "mapmedic.agent.maps/1", "maps": {}}'],
)  # fmt: skip
def test_not_an_answer_of_the_agent(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_registered_maps(data)


def test_an_object_too_large_is_not_read() -> None:
    with pytest.raises(FormatError, match="more than the agent ever sends"):
        parse_object(b" " * (16 << 20) + b"{}", "x")


def test_a_memory_point_takes_counts_only() -> None:
    point = memory_point({"rss_bytes": True, "heap_alloc_bytes": -1, "num_gc": "3", "goroutines": 7})
    assert (point.rss_bytes, point.heap_alloc_bytes, point.num_gc, point.goroutines) == (None, None, None, 7)


# --- the link to an agent ---


def ask(server: ScriptedServer, token: str = TOKEN) -> object:
    async def run() -> object:
        async with HttpClient() as client:
            return await AgentLink(client, server.url, token).maps()

    return asyncio.run(run())


def test_the_agent_answers_whoever_has_the_token() -> None:
    with ScriptedServer({AGENT: agent()}) as server:
        assert len(ask(server)) == 1  # type: ignore[arg-type]
        assert server.requests[0].headers["x-mapmedic-operator"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error": {"code": "unauthorized", "message": "no"}}', NotAuthorized),
        (403, b'{"error": {"code": "forbidden", "message": "no"}}', NotAuthorized),
        (503, b'{"error": {"code": "no_token_configured", "message": "no"}}', NotAuthorized),
        (409, b'{"error": {"code": "busy", "message": "later"}}', AgentRefused),
        (500, b'{"error": {}}', AgentRefused),
        (401, b"<html>proxy</html>", UnexpectedAnswer),
        (404, b"404 page not found", UnexpectedAnswer),
        (404, b'{"error": "text"}', UnexpectedAnswer),
        (302, b"", UnexpectedAnswer),
        (200, b"<html>", UnexpectedAnswer),
        (200, b"[]", UnexpectedAnswer),
        (200, b"{}", FormatError),
    ],
)
def test_what_else_may_answer(status: int, body: bytes, error: type[MapmedicError]) -> None:
    with ScriptedServer({AGENT: answers(body, status)}) as server, pytest.raises(error) as caught:
        ask(server)
    assert TOKEN not in str(caught.value)


# --- goroutine?debug=1 ---


def test_goroutine_counts() -> None:
    dump = parse_goroutine_counts(COUNTS)
    assert (dump.total, dump.truncated, [group.count for group in dump.groups]) == (3, False, [2, 1])
    assert (dump.groups[0].frames[0].function, dump.groups[0].frames[0].line) == ("main.worker", 12)


def test_bounds_and_gzip() -> None:
    assert parse_goroutine_counts(gzip.compress(COUNTS)) == parse_goroutine_counts(COUNTS)
    for data in (COUNTS, gzip.compress(COUNTS)):
        with pytest.raises(FormatError):
            parse_goroutine_counts(data, max_bytes=len(COUNTS) - 1)


def test_frames_that_look_odd() -> None:
    dump = parse_goroutine_counts(
        b'goroutine profile: total 5\r\n1 @ 0x1 0x2\r\n# labels: {"a":"b"}\r\n'
        b"#\t0x1\r\n"  # C code: Go has no name for it
        b"#\t0x2\tmain.f[go.shape.struct { X int }]+0x2f\t\tC:/a b/main.go:12\r\n"
        b"#\t0x3\tmain.g\tm.go:1\r\n"
    )
    frames = [(frame.function, frame.file, frame.line) for frame in dump.groups[0].frames]
    assert frames == [
        ("0x1", "", 0), ("main.f[go.shape.struct { X int }]", "C:/a b/main.go", 12), ("main.g", "m.go", 1),
    ]  # fmt: skip
    assert dump.truncated, "four of five are not in it"


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"goroutine profile: total \n", b"goroutine profile: total " + b"9" * 19 + b"\n",
     b"goroutine profile: total 1\nx", b"goroutine profile: total 1\n1 @ 0xg\n", b"goroutine profile: total 1\n#\t\n",
     b"goroutine profile: total 1\n#\t0x1\tf\tm.go\n", b"goroutine profile: total 1\n#\t0x1\tf\tm.go:x\n",
     b"goroutine profile: total 1\n#\t0x1\tf\tm.go:1\tmore\n", b"goroutine profile: total 1\n" * 3],
)  # fmt: skip
def test_no_goroutine_counts(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_goroutine_counts(data)


@given(st.binary(max_size=300))
def test_only_format_errors(data: bytes) -> None:
    for text in (
        data,
        b"goroutine profile: total 3\n" + data,
        COUNTS + data,
        b"goroutine profile: total 1\n#\t" + data,
    ):
        try:
            parse_goroutine_counts(text)
        except FormatError:
            continue


@pytest.mark.parametrize("filler", [b" ", b":", b"\t", b"\n", b"+0x1", b"#\t0x1\n", b"1 @ 0x1\n"])
def test_no_line_takes_more_than_its_length(filler: bytes) -> None:
    started = time.process_time()
    data = b"goroutine profile: total 1\n1 @ 0x1\n#\t0x1\t" + filler * (400_000 // len(filler)) + b"\n"
    with suppress(FormatError):
        parse_goroutine_counts(data)
    assert time.process_time() - started < 2
