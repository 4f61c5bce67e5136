"""lab/livefix as a process: built with a toolchain, started, asked over HTTP, always ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mapmedic.demo.service import lab_source
from mapmedic.source.toolchain import GoToolchain

BUILD_SECONDS = 400
_ANSWER_SECONDS = 60
_PATIENCE_SECONDS = 60


def build_livefix(
    go: GoToolchain, folder: Path, *flags: str, environment: Mapping[str, str] | None = None
) -> Path:
    """Build the program with ``go``, these flags of go build and what is added to its environment."""
    added = "".join(f"-{name}{value}" for name, value in (environment or {}).items())
    path = folder / f"livefix-{go.version}{''.join(flags).replace(' ', '')}{added}"
    command = [str(go.path), "build", *flags, "-o", str(path), "./livefix"]
    variables = {**go.environment, **(environment or {})}
    subprocess.run(command, cwd=lab_source(), env=variables, check=True, timeout=BUILD_SECONDS)
    return path


class Livefix:
    """The program as a process; use it as a context manager, which ends it whatever happens.

    ``said`` is what it wrote to its standard error, once it has ended.
    """

    def __init__(self, binary: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._command = [str(binary), *arguments, "--exit-with-stdin"]
        self._variables = {**os.environ, **(environment or {})}
        self.said = ""

    def __enter__(self) -> Livefix:
        pipe = subprocess.PIPE
        self._errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=self._errors, text=True, env=self._variables
        )
        assert self.process.stdout is not None
        ready, pid, self.url = self.process.stdout.readline().split()
        assert (ready, int(pid)) == ("READY", self.process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
        with self._errors:
            self._errors.seek(0)
            self.said = self._errors.read()
        if self.said:
            print(self.said, file=sys.stderr)

    def get(self, what: str) -> Any:
        """Return the answer to ``truth`` or ``stats``."""
        with urllib.request.urlopen(f"{self.url}/livefix/{what}", timeout=_ANSWER_SECONDS) as answer:
            return json.load(answer)

    def post(self, what: str, kind: str | None = None) -> Any:
        """Say ``begin`` or ``end``, or have the maps of ``kind`` (None: all) refilled or exercised."""
        query = f"?kind={kind}" if kind else ""
        request = urllib.request.Request(f"{self.url}/livefix/{what}{query}", method="POST")
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            return json.load(answer)

    def wait_for(self, such: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first stats that are ``such``."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            stats: dict[str, Any] = self.get("stats")
            if such(stats):
                return stats
            time.sleep(0.02)
        raise AssertionError(f"not within {_PATIENCE_SECONDS} s: {stats}")
