"""Caddy, a program that nobody here wrote: built through the module proxy, with many routes, asked by clients."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

from mapmedic.source.toolchain import GoToolchain
from tests.live.scenarios import ROOT

PACKAGE = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"
ROUTES = 2_000
_FOLDER = ROOT / ".cache" / "caddy"
_BUILD_SECONDS = 1_800
_START_SECONDS = 60
_COUNTS = 4


def build_caddy(go: GoToolchain, *, stripped: bool) -> Path | str:
    """Return the binary, built once; in words, why it cannot be had."""
    folder = _FOLDER / f"{go.version}{'-stripped' if stripped else ''}"
    if not (folder / "caddy").exists():
        flags = ["-ldflags=-s -w"] * stripped
        environment = {**go.environment, "GOBIN": str(folder), "GOPROXY": os.environ.get("GOPROXY", "")}
        try:
            subprocess.run(
                ["nice", "-n", "19", str(go.path), "install", *flags, PACKAGE], env=environment, check=True,
                capture_output=True, text=True, timeout=_BUILD_SECONDS,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines()
            return f"{PACKAGE} could not be built here: {said[-1].strip() if said else error}"
        except subprocess.TimeoutExpired:
            return f"{PACKAGE} was not built within {_BUILD_SECONDS} s"
    return folder / "caddy"


class Caddy:
    """A running caddy on sockets in ``folder``; use it as a context manager, which ends it whatever happens.

    While ``busy`` is set, two threads ask it for one host after the other.
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        self._folder = folder
        self._command = [str(binary), "run", "--config", "-"]
        self.busy = threading.Event()
        self.answered = 0
        self._over = threading.Event()

    def __enter__(self) -> Caddy:
        places = {"XDG_CONFIG_HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stderr=log, env={**os.environ, **places}
            )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(_configuration(self._folder)).encode())
        self._process.stdin.close()
        self._threads = [threading.Thread(target=self._ask, args=(first,)) for first in (0, ROUTES // 2)]
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.busy.set()
        for thread in self._threads:
            thread.join()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def runs(self) -> bool:
        """Tell whether it is there and answers."""
        return self._process.poll() is None and self._get("web", "/", "host-0.example")[0] == 200

    def objects_after_collection(self) -> int:
        """Return the objects on its heap as its runtime counts them right after a collection.

        The least of several counts: whatever was made since the collection counts too, the answer itself included.
        """
        return min(self._objects() for _ in range(_COUNTS))

    def _objects(self) -> int:
        text = self._get("admin", "/debug/pprof/heap?gc=1&debug=1", "localhost")[1].decode()
        found = re.search(r"^# HeapObjects = (\d+)", text, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not (self._folder / "web").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"caddy did not start: {(self._folder / 'log').read_text()[-1000:]}")
            time.sleep(0.05)

    def _ask(self, number: int) -> None:
        while not self._over.is_set():
            self.busy.wait()
            number = (number + 1) % ROUTES
            status, _ = self._get("web", f"/{number}", f"host-{number}.example")
            self.answered += status == 200

    def _get(self, name: str, path: str, host: str) -> tuple[int, bytes]:
        connection = _UnixConnection(self._folder / name)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _configuration(folder: Path) -> dict[str, object]:
    """Return a server with a route for each host; its sockets are in ``folder``, so that no port is taken."""
    routes = [
        {
            "match": [{"host": [f"host-{n}.example"]}],
            "handle": [
                {"handler": "headers", "response": {"set": {f"X-{n}": [str(n)]}}},
                {"handler": "static_response", "body": f"this is host {n}"},
            ],
        }
        for n in range(ROUTES)
    ]
    server = {"listen": [f"unix/{folder}/web"], "automatic_https": {"disable": True}, "routes": routes}
    return {
        "admin": {"listen": f"unix/{folder}/admin"},
        "apps": {"http": {"metrics": {"per_host": True}, "servers": {"server": server}}},
    }
