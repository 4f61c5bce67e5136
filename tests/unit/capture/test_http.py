"""One request against servers that misbehave: it ends in time, within bounds, with words that say why."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from mapmedic.capture.http import Answer, HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.errors import CouldNotLook, TargetUnreachable, UnexpectedAnswer
from tests.support.go_process import TOKEN
from tests.support.scripted_server import (
    Script,
    ScriptedServer,
    answers,
    drips,
    endless,
    hangs,
    resets_after,
    sends,
)

LIMITS = Limits(seconds=0.5, max_bytes=1 << 20)


def get(url: str, limits: Limits = LIMITS, token: str | None = None) -> Answer:
    async def run() -> Answer:
        async with HttpClient() as client:
            return await client.get(url, limits, {"Authorization": f"Bearer {token}"} if token else None)

    return asyncio.run(run())


def failure(script: Script, limits: Limits = LIMITS) -> CouldNotLook:
    with ScriptedServer({"/": script}) as server:
        started = time.monotonic()
        with pytest.raises(CouldNotLook) as caught:
            get(server.url + "/", limits)
        assert time.monotonic() - started < limits.seconds + 1.0
        assert server.url in str(caught.value)
    return caught.value


def test_an_answer_comes_as_it_is() -> None:
    with ScriptedServer({"/": answers(b"body", 200, "text/x-go")}) as server:
        assert get(server.url + "/") == Answer(server.url + "/", 200, "text/x-go", b"body")
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("script", [hangs, drips(b"x", 0.05)], ids=["silence", "slow drip"])
def test_the_deadline_is_for_the_whole_answer(script: Script) -> None:
    error = failure(script)
    assert isinstance(error, TargetUnreachable)
    assert error.why == "no complete answer within 0.5 s"


def test_headers_that_drip_are_bounded_too() -> None:
    def script(_request: object, line: object) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
            line.send(bytes([byte]))  # type: ignore[attr-defined]
            line.wait(0.02)  # type: ignore[attr-defined]

    assert "no complete answer" in str(failure(script))


@pytest.mark.parametrize(
    "script",
    [
        endless(b"x" * 65536),
        answers(b"x" * ((1 << 20) + 1)),
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    ],
    ids=["endless", "one byte too many", "declared"],
)
def test_a_body_over_the_bound_is_refused(script: Script) -> None:
    error = failure(script, Limits(5, 1 << 20))
    assert isinstance(error, UnexpectedAnswer)
    assert error.why == "with a body larger than 1,048,576 bytes"


def test_a_body_of_just_the_bound_is_not() -> None:
    with ScriptedServer({"/": answers(b"x" * (1 << 20))}) as server:
        assert len(get(server.url + "/").body) == 1 << 20


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_page_is_an_answer_and_its_beginning_is_enough(status: int) -> None:
    with ScriptedServer({"/": answers(b"e" * 3_000_000, status)}) as server:
        answer = get(server.url + "/")
        assert (answer.status, len(answer.body)) == (status, 1 << 14)


def test_a_reset_in_the_middle_is_no_answer() -> None:
    error = failure(resets_after(b"half", promised=100))
    assert isinstance(error, TargetUnreachable)


def test_a_body_that_breaks_off_is_no_answer() -> None:
    error = failure(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    assert isinstance(error, TargetUnreachable)
    assert error.why == "the answer broke off in the middle"


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x01\0\x02\x02",
        b"HTTP/1.1 abc\r\n\r\n",
        b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_said_to_be_none(raw: bytes) -> None:
    assert len(str(failure(sends(raw)))) < 400


def test_closing_without_a_word() -> None:
    assert isinstance(failure(sends(b"")), TargetUnreachable)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    with pytest.raises(TargetUnreachable) as caught:
        get(url)
    assert caught.value.why == "Connection refused"


def test_a_plain_service_asked_over_tls_is_not_called_a_matter_of_rights() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk_plainly() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        server = threading.Thread(target=talk_plainly)
        server.start()
        with pytest.raises(TargetUnreachable) as caught:
            get(f"https://127.0.0.1:{listener.getsockname()[1]}/", Limits(seconds=5.0))
        server.join()
    assert "no TLS session" in caught.value.why


def test_no_token_can_break_out_of_its_header() -> None:
    with ScriptedServer({"/": answers(b"")}) as server, pytest.raises(CouldNotLook):
        get(server.url + "/", token=f"{TOKEN}\r\nX-Evil: 1")


def test_the_client_has_bounds_of_its_own() -> None:
    async def run(url: str) -> None:
        async with HttpClient(Limits(0.3, 10)) as client:
            await client.get(url, Limits(60, 1 << 30))

    with (
        ScriptedServer({"/": answers(b"eleven bytes")}) as server,
        pytest.raises(UnexpectedAnswer, match="10 bytes"),
    ):
        asyncio.run(run(server.url + "/"))
