"""The lab's leaking service as a process: built from source, started, always ended."""

from __future__ import annotations

import filecmp
import os
import secrets
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from mapmedic.api import GoToolchain, find_go
from mapmedic.errors import CouldNotLook, ToolMissing

_CHECKOUT = Path(__file__).resolve().parents[3]
BUILD_SECONDS = 300
READY_SECONDS = 120
_ERROR_CHARACTERS = 2000


def lab_source() -> Path:
    """Return where the lab's Go source is: $MAPMEDIC_LAB, else the checkout's own."""
    return Path(os.environ.get("MAPMEDIC_LAB") or _CHECKOUT / "lab")


class Program(StrEnum):
    """What there is to build: all scenarios, each with the agent and pprof beside it, or one leak and nothing else."""

    LAB = "lab"
    BARE = "bare"

    @property
    def package(self) -> str:
        """Return its package within the lab's source."""
        return "." if self is Program.LAB else f"./{self.value}"


def build_lab(
    go: GoToolchain | None = None,
    *,
    stripped: bool = False,
    pie: bool = False,
    program: Program = Program.LAB,
) -> tuple[Path, str]:
    """Build the lab, or another ``program`` of it, and return its binary and the Go version that built it.

    ``go`` is the toolchain, by default the one that is found; ``stripped`` leaves out symbols and DWARF; ``pie``
    makes it loadable at any address.
    ToolMissing where there is no Go or no lab source (an installed wheel has none); CouldNotLook where the
    build fails, with the compiler's words.
    """
    source = lab_source()
    if not (source / "go.mod").is_file():
        raise ToolMissing(f"the lab's source ({source})", "run the demo; it is in the git checkout")
    go = go or find_go("build the demo's service")
    kind = f"{'-stripped' if stripped else ''}{'-pie' if pie else ''}"
    binary = _CHECKOUT / ".cache" / "lab" / f"{program.value}-{go.version}{kind}"
    flags = ["-ldflags=-s -w"] * stripped + ["-buildmode=pie"] * pie
    binary.parent.mkdir(parents=True, exist_ok=True)
    # Built beside and renamed: another run may be executing the one that is there.
    fresh = binary.with_name(f"{binary.name}.{os.getpid()}")
    try:
        done = subprocess.run(
            [str(go.path), "build", *flags, "-o", str(fresh), program.package], cwd=source, env=go.environment,
            capture_output=True, text=True, timeout=BUILD_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CouldNotLook(f"building the lab took longer than {BUILD_SECONDS} s") from error
    if done.returncode != 0:
        raise CouldNotLook(f"the lab does not build with {go.version}: {done.stderr[-_ERROR_CHARACTERS:]}")
    # A program that runs stays where its mappings and its core say that it is, unless there is another one.
    if binary.is_file() and filecmp.cmp(fresh, binary, shallow=False):
        fresh.unlink()
    else:
        fresh.replace(binary)
    return binary, go.version


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which lab scenario to run and how hard: entries at the start, and added per second.

    None leaves the choice to the lab, or to a program that has no scenarios.
    """

    name: str | None = "struct-field"
    entries: int | None = None
    rate: int | None = None

    @property
    def arguments(self) -> list[str]:
        """Return the words of the lab's command line."""
        words = [] if self.name is None else [self.name]
        if self.entries is not None:
            words += ["--entries", str(self.entries)]
        if self.rate is not None:
            words += ["--rate", str(self.rate)]
        return words


class LabService:
    """A running lab; use it as a context manager, which ends it whatever happens.

    ``url`` is where it listens, ``token`` what its agent wants, ``pid`` its process; ``environment`` is set for it
    beside our own.
    """

    def __init__(
        self, binary: Path, scenario: Scenario, environment: Mapping[str, str] | None = None
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self._environment = {**os.environ, **(environment or {}), "MAPMEDIC_TOKEN": self.token}
        self._arguments = [str(binary), *scenario.arguments, "--exit-with-stdin"]
        self.url = ""
        self.pid = 0

    def __enter__(self) -> LabService:
        # Its standard input is our pipe: if we are killed, it ends with us.
        # Its log goes to a file: a pipe that nobody reads would stop it when full.
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            env=self._environment,
        )  # fmt: skip
        try:
            self.pid, self.url = self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _wait_until_ready(self) -> tuple[int, str]:
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe above
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            readable, _, _ = select.select([self._process.stdout], [], [], 0.2)
            if readable:
                words = self._process.stdout.readline().decode("utf-8", "replace").split()
                if len(words) == 3 and words[0] == "READY":
                    return int(words[1]), words[2]
                if not words:
                    break
        raise CouldNotLook(f"the lab's service did not start: {self._last_words()}")

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-_ERROR_CHARACTERS:].strip() or "it said nothing"

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate(timeout=10)
        self._log.close()
