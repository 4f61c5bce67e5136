"""A program that is hard to stop, and says itself what it lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mapmedic.source.toolchain import find_go

_SOURCE = Path(__file__).parent / "survival_program"
_CONFINED = (sys.executable, "-m", "tests.support.confined")
_PATIENCE_SECONDS = 30.0


class Busy:
    """A program that is busy in one way, and what it counts of its own calls."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.pid = process, process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def counts(self) -> dict[str, Any]:
        """Return what it counted, and what it found wrong."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("?")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def goes_on(self) -> list[str]:
        """Wait until each of its loops has gone round once more; return what is wrong instead."""
        before = self.counts()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            now = self.counts()
            stuck = [name for name in before if name != "wrong" and now[name] <= before[name] > 0]
            if now["wrong"] or not stuck:
                return list(now["wrong"])
            time.sleep(0.005)
        return [f"no more {name}" for name in stuck]


def build_busy_program(folder: Path) -> Path:
    """Return the program, built into ``folder``."""
    go, path = find_go("build the program to survive"), folder / "program"
    environment = {**go.environment, "CGO_ENABLED": "0"}
    subprocess.run([str(go.path), "build", "-o", str(path), "."], cwd=_SOURCE, env=environment, check=True)
    return path


@contextmanager
def busy(program: Path, how: str, *, user: int | None = None) -> Iterator[Busy]:
    """Start ``program``, busy in the way ``how``, as ``user``; it ends with the block."""
    words = [*(_CONFINED if how == "confined" else ()), str(program), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, user=user
    ) as process:
        found = Busy(process)
        try:
            assert found.goes_on() == []
            yield found
        finally:
            process.kill()
