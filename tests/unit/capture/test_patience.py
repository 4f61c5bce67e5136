"""What is asked again, what is followed, what is unpacked: as much as helps, within the same deadline."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from pathlib import Path

import pytest

from mapmedic.capture.http import MAX_ATTEMPTS, Answer, HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.errors import CouldNotLook, TargetUnreachable, UnexpectedAnswer
from mapmedic.model.connection import Connection
from tests.support.go_process import TOKEN, in_turn
from tests.support.scripted_server import (
    Line,
    Request,
    Script,
    ScriptedServer,
    answers,
    drips,
    hangs,
    redirects,
    resets_after,
    sends,
    whole,
)

GOOD = answers(b"body")
LIMITS = Limits(5, 1 << 20)


def get(
    url: str, limits: Limits = LIMITS, *, patient: bool = True, socket_path: Path | None = None
) -> Answer:  # fmt: skip
    async def run() -> Answer:
        connection = Connection(authorization=f"Bearer {TOKEN}")
        async with HttpClient(connection=connection, socket_path=socket_path and str(socket_path)) as client:
            return await client.get(url, limits, patient=patient)

    return asyncio.run(run())


# --- asked again ---


@pytest.mark.parametrize(
    "bad",
    [answers(b"", 502), answers(b"", 503), answers(b"", 504), resets_after(b"ha", 9), sends(b""),
     sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")],
    ids=["502", "503", "504", "reset", "closed", "broke off"],
)  # fmt: skip
def test_what_may_pass_is_asked_again(bad: Script) -> None:
    with ScriptedServer({"/": in_turn(bad, bad, GOOD)}) as server:
        answer = get(server.url + "/")
        # The library itself asks a second time where a connection was closed without a word.
        assert (answer.body, len(server.requests)) == (b"body", 3) and answer.attempts > 1


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_what_will_not_pass_is_not(status: int) -> None:
    with ScriptedServer({"/": answers(b"", status)}) as server:
        assert (get(server.url + "/").status, len(server.requests)) == (status, 1)


def test_there_is_an_end_to_it() -> None:
    with ScriptedServer({"/": answers(b"", 503)}) as server:
        answer = get(server.url + "/")
        assert (answer.status, answer.attempts) == (503, MAX_ATTEMPTS)
        assert len(server.requests) == MAX_ATTEMPTS


def test_nobody_is_asked_twice_by_the_impatient_nor_by_other_verbs() -> None:
    with ScriptedServer({"/": answers(b"", 503)}) as server:
        get(server.url + "/", patient=False)
        assert len(server.requests) == 1

        async def post() -> None:
            async with HttpClient() as client:
                await client.request("POST", server.url + "/", Limits(5, 100))

        asyncio.run(post())
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "then", [hangs, drips(b"x", 0.05), answers(b"", 503)], ids=["silence", "drip", "503"]
)
def test_the_deadline_is_for_all_attempts(then: Script) -> None:
    started = time.monotonic()
    with ScriptedServer({"/": in_turn(answers(b"", 503), then)}) as server:
        try:
            assert get(server.url + "/", Limits(0.6, 1 << 20)).status == 503
        except TargetUnreachable as error:
            assert error.why == "no complete answer within 0.6 s"
    assert time.monotonic() - started < 1.2


def test_the_reason_is_the_last_one_and_not_that_time_ran_out_in_between() -> None:
    server = ScriptedServer()
    server.stop_listening()
    with pytest.raises(TargetUnreachable) as caught:
        get(server.url + "/", Limits(0.7, 100))
    assert caught.value.why == "Connection refused"


# --- redirects ---


@pytest.mark.parametrize("location", ["/there", "there", "?x=1", "//{host}/there", "http://{host}/there"])
def test_a_redirect_within_the_same_origin_is_followed(location: str) -> None:
    with ScriptedServer({"/there": GOOD}) as server:
        host = server.url.removeprefix("http://")
        first = redirects(location.format(host=host))
        server.scripts["/"] = in_turn(first, GOOD)
        answer = get(server.url + "/")
        assert answer.body == b"body" and answer.url != server.url + "/"
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}


def test_a_redirect_to_another_origin_is_not_and_no_token_leaks() -> None:
    with ScriptedServer({"/": answers(b"stolen")}) as other, ScriptedServer() as server:
        port = server.url.rpartition(":")[2]
        for location in (
            other.url + "/", f"https://127.0.0.1:{port}/", f"http://localhost:{port}/", "file:///etc/passwd",
            f"http://me:pw@127.0.0.1:{port}/", "http://[::1", "",
        ):  # fmt: skip
            server.scripts["/"] = redirects(location)
            assert get(server.url + "/").status == 302, location
        assert other.requests == []


def test_a_circle_ends() -> None:
    with ScriptedServer({"/": redirects("/")}) as server:
        assert get(server.url + "/").status == 302
        assert len(server.requests) == 4


def test_a_redirect_behind_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with ScriptedServer({"/": redirects("/there"), "/there": GOOD}, socket_path=path) as server:
        answer = get(server.url + "/", socket_path=path)
        assert (answer.body, answer.url) == (b"body", f"unix://{path}/there")
        server.scripts["/"] = redirects("http://127.0.0.1:9/")
        assert get(server.url + "/", socket_path=path).status == 302


# --- packed by a proxy ---


def packed(body: bytes, encoding: str = "gzip", status: int = 200) -> Script:
    return sends(whole(status, body, "text/plain", f"Content-Encoding: {encoding}"))


def refusal(script: Script, limits: Limits = LIMITS) -> CouldNotLook:
    with ScriptedServer({"/": script}) as server, pytest.raises(CouldNotLook) as caught:
        get(server.url + "/", limits, patient=False)
    return caught.value


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_gzip_is_unpacked(encoding: str) -> None:
    plain = b"go_goroutines 7\n" * 50_000
    with ScriptedServer({"/": packed(gzip.compress(plain), encoding)}) as server:
        assert get(server.url + "/").body == plain


def test_gzip_that_drips_is_unpacked_too() -> None:
    body = gzip.compress(b"plain" * 100)

    def script(_request: Request, line: Line) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        for byte in body:
            line.send(bytes([byte]))

    with ScriptedServer({"/": script}) as server:
        assert get(server.url + "/").body == b"plain" * 100


@pytest.mark.parametrize(
    ("size", "most", "why"),
    [
        (100 << 20, 512 << 20, "gzip bomb"),
        (100 << 20, 1 << 10, "larger than 1,024 bytes"),
        (5000, 4999, "4,999"),
    ],
)
def test_bombs(size: int, most: int, why: str) -> None:
    assert why in str(refusal(packed(gzip.compress(bytes(size))), Limits(5, most)))


def test_what_is_not_what_it_says() -> None:
    whole_one = gzip.compress(b"plain" * 1000)
    assert "says gzip and is none" in str(refusal(packed(b"plain")))
    assert "broke off" in str(refusal(packed(whole_one[:-9])))
    for encoding in ("br", "deflate", "gzip, gzip"):
        error = refusal(packed(zlib.compress(b"plain"), encoding))
        assert isinstance(error, UnexpectedAnswer) and f"packed as '{encoding}'" in str(error)


def test_a_profile_without_a_word_about_it_stays_as_it_is() -> None:
    body = gzip.compress(b"profile")
    with ScriptedServer({"/": answers(body)}) as server:
        assert get(server.url + "/").body == body
