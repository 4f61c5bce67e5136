"""A loopback HTTP server that misbehaves as told: each path has a script that writes raw bytes.

    with ScriptedServer(go_process(FOLDER)) as server:
        server.scripts["/metrics"] = drip(b"x", every=0.05)
        ... talk to server.url ...
        assert server.asked("/metrics")

A path without a script answers 404, as a Go mux does. With ``tls`` it talks https, with ``socket_path`` through a
unix socket.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Line:
    """The connection as a script sees it."""

    connection: socket.socket
    closing: threading.Event

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than the test runs."""
        if self.closing.wait(seconds):
            raise ConnectionAbortedError

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Script = Callable[[Request, Line], None]


def whole(status: int, body: bytes, content_type: str = "text/plain", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode() + body


def answers(body: bytes, status: int = 200, content_type: str = "text/plain", *headers: str) -> Script:
    return lambda _request, line: line.send(whole(status, body, content_type, *headers))


def wanting(authorization: str, script: Script) -> Script:
    """Answer 401 to whoever does not show ``authorization``, as a login proxy does."""

    def guarded(request: Request, line: Line) -> None:
        allowed = request.headers.get("authorization") == authorization
        (script if allowed else answers(b"no", 401))(request, line)

    return guarded


def redirects(location: str) -> Script:
    return answers(b"", 302, "text/html", f"Location: {location}")


def sends(raw: bytes) -> Script:
    """Send ``raw`` instead of an HTTP answer."""
    return lambda _request, line: line.send(raw)


def drips(chunk: bytes, every: float) -> Script:
    """Answer at once and never come to an end, slowly."""

    def script(_request: Request, line: Line) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            line.send(chunk)
            line.wait(every)

    return script


def endless(chunk: bytes) -> Script:
    """Answer without a length and without an end, as fast as it goes."""
    return drips(chunk, 0)


def hangs(_request: Request, line: Line) -> None:
    """Say nothing at all."""
    line.wait(600)


def resets_after(data: bytes, promised: int) -> Script:
    """Promise ``promised`` bytes, send ``data`` and reset the connection."""

    def script(_request: Request, line: Line) -> None:
        line.send(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {promised}\r\n\r\n".encode()
        )
        line.send(data)
        line.wait(0.05)
        line.reset()

    return script


class ScriptedServer:
    def __init__(
        self,
        scripts: dict[str, Script] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        socket_path: Path | None = None,
    ) -> None:
        self.scripts = dict(scripts or {})
        self.requests: list[Request] = []
        self._closing = threading.Event()
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    owner._answer(self.rfile.readline, self.connection)

        family = socketserver.ThreadingUnixStreamServer if socket_path else socketserver.ThreadingTCPServer

        class Server(family):  # type: ignore[misc, valid-type]
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True
            request_queue_size = 64

            def get_request(self) -> tuple[socket.socket, object]:
                connection, address = super().get_request()
                if tls is None:
                    return connection, address
                # The handshake takes place in the thread of its own, at the first read.
                return tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
                ), address

            def handle_error(self, *_: object) -> None:
                pass

            def shutdown_request(self, request: object) -> None:
                with suppress(OSError):
                    super().shutdown_request(request)

        self._scheme, self._socket_path = "https" if tls else "http", socket_path
        self._server = Server(str(socket_path) if socket_path else ("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        if self._socket_path is not None:
            return f"unix://{self._socket_path}"
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def stop_listening(self) -> None:
        """Never begin: connections are refused."""
        self._closing.set()
        self._server.server_close()

    def stop(self) -> None:
        """Die: from here on connections are refused."""
        if not self._closing.is_set():
            self._closing.set()
            self._server.shutdown()
            self._server.server_close()

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(5)

    def _answer(self, readline: Callable[[], bytes], connection: socket.socket) -> None:
        method, target, _version = readline().decode("latin-1").split()
        headers: dict[str, str] = {}
        while line := readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        path, _, query = target.partition("?")
        request = Request(method, path, query, headers)
        self.requests.append(request)
        script = self.scripts.get(path) or answers(b"404 page not found\n", 404)
        script(request, Line(connection, self._closing))
