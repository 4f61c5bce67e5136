"""A TCP proxy that dies after so many bytes to the client, for good or for one moment."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType

_CHUNK = 1 << 14


class CuttingProxy:
    """Pass everything between clients and ``target``; use it as a context manager.

    When ``cut_after`` bytes have gone to clients every connection is reset. With ``heals`` new ones are
    served again, without it they are refused from then on.
    """

    def __init__(self, target: tuple[str, int], cut_after: int, *, heals: bool) -> None:
        self.passed = 0
        self.has_cut = False
        self._target, self._cut_after, self._heals = target, cut_after, heals
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> CuttingProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._reset()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
            for pair in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, to_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if to_client and self._is_the_cut(len(data)):
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _is_the_cut(self, size: int) -> bool:
        self.passed += size
        if self.has_cut or self.passed < self._cut_after:
            return False
        self.has_cut = True
        if not self._heals:
            self._close()
        self._reset()
        return True

    def _close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _reset(self) -> None:
        with self._lock:
            sockets, self._open = self._open, []
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
