"""lab/deletes as a process: maps of every kind of key and element, which do what they are told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType

from mapmedic.demo.service import lab_source
from mapmedic.source.toolchain import GoToolchain

BUILD_SECONDS = 400


def build_deletes(go: GoToolchain, folder: Path, *flags: str) -> Path:
    """Build the program with ``go`` and these flags of go build."""
    path = folder / f"deletes-{go.version}{''.join(flags).replace(' ', '')}"
    command = [str(go.path), "build", *flags, "-o", str(path), "./deletes"]
    subprocess.run(command, cwd=lab_source(), env=go.environment, check=True, timeout=BUILD_SECONDS)
    return path


class Deletes:
    """The program as a process; use it as a context manager, which ends it whatever happens."""

    def __init__(self, binary: Path, entries: int) -> None:
        self._command = [str(binary), str(entries)]

    def __enter__(self) -> Deletes:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)
        self.maps: dict[str, int] = json.loads(self._line())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def tell(self, command: str) -> str:
        """Return its answer to ``command``."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._line().strip()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()
