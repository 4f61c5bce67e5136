"""tests/live/fix_program as a process: told by lines what to do, always ended."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

from mapmedic.source.toolchain import GoToolchain

_PROGRAM = Path(__file__).parent / "fix_program"
_BUILD_SECONDS = 400


def build_fix_program(go: GoToolchain, folder: Path, *flags: str) -> Path:
    """Build it with ``go`` and these flags of go build."""
    path = folder / f"fix-{go.version}{''.join(flags).replace(' ', '')}"
    command = [str(go.path), "build", *flags, "-o", str(path), "."]
    subprocess.run(command, cwd=_PROGRAM, env=go.environment, check=True, timeout=_BUILD_SECONDS)
    return path


class FixService:
    """The program as a process; use it as a context manager."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def __enter__(self) -> FixService:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([self._binary], stdin=pipe, stdout=pipe, text=True)
        ready, pid = self._line().split()
        assert (ready, int(pid)) == ("READY", self.process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, what: str) -> str:
        """Return its answer to ``what``."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self._line()

    @property
    def counts(self) -> tuple[int, int]:
        """How many entries main.mgr.sessions and main.bare have, by its own word."""
        sessions, bare = self.tell("count").split()
        return int(sessions), int(bare)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()
