"""Something that is no gops agent, or a bad one, behind a gops address: an end in time, within bounds, and its name."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mapmedic.capture.limits import Limits
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.record import capture_session
from mapmedic.capture.targets import parse_target
from mapmedic.errors import CouldNotLook

Script = Callable[[socket.socket], None]


def failure(script: Script, tmp_path: Path) -> str:
    """Return what a capture of a server that runs ``script`` for each caller ends in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(2)
                        connection.recv(1)
                        script(connection)

        threading.Thread(target=serve, daemon=True).start()
        target = parse_target(f"gops://127.0.0.1:{listener.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(CouldNotLook) as caught:
            capture_session(target, tmp_path / "s", CapturePlan(most=Limits(0.3, 1 << 16)))
        assert time.monotonic() - started < 8
        listener.shutdown(socket.SHUT_RDWR)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65536)


def drips(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)  # it is the drip, not a wait


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (endless, "more than 65,536 bytes"),
        (drips, "no complete answer within 0.3 s"),
        (lambda connection: connection.recv(1), "no complete answer within 0.3 s"),
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "as an HTTP server"),
        (lambda connection: connection.sendall(b"<html>"), "looks like html"),
        (lambda connection: None, "looks like empty"),
    ],
    ids=["endless", "drip", "silence", "HTTP", "HTML", "closed"],
)
def test_no_gops_agent(script: Script, why: str, tmp_path: Path) -> None:
    assert why in failure(script, tmp_path)
