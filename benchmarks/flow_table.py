"""A service with one large map and a clock that tells its longest stall, and what a tool that looks into it costs."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from mapmedic.demo.service import LabService, Scenario
from mapmedic.source.toolchain import GoToolchain

_SOURCE = Path(__file__).with_suffix("")
_BUILD_SECONDS = 300
_SAMPLE_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class Look:
    """What one look into a process cost: the tool's own time and memory, and the longest stall of the process.

    ``anonymous_bytes`` is the peak of RssAnon and RssShmem, sampled every few ms: pages of files are not counted.
    """

    wall_seconds: float
    cpu_seconds: float
    anonymous_bytes: int
    stall_seconds: float


def build_flow_table(go: GoToolchain, folder: Path) -> Path:
    """Build the service with ``go`` and return its binary."""
    binary = folder / "flow_table"
    subprocess.run(
        [str(go.path), "build", "-o", str(binary), "."], cwd=_SOURCE, env=go.environment, check=True,
        timeout=_BUILD_SECONDS,
    )  # fmt: skip
    return binary


def start_flow_table(binary: Path, entries: int) -> LabService:
    """Return the service with ``entries`` connections; use it as a context manager."""
    return LabService(binary, Scenario("flow-table", entries=entries))


def look(service: LabService, command: list[str], stdout: Path) -> Look:
    """Run ``command``, which must succeed, and return what it cost itself and ``service``."""
    stall_seconds(service)
    started, anonymous = time.monotonic(), 0
    with stdout.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL) as tool:
        while True:
            anonymous = max(anonymous, _anonymous_bytes(tool.pid))
            ended, status, usage = os.wait4(tool.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(_SAMPLE_SECONDS)
        tool.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    if tool.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {tool.returncode}")
    return Look(wall, usage.ru_utime + usage.ru_stime, anonymous, stall_seconds(service))


def stall_seconds(service: LabService) -> float:
    """Return the longest stall of ``service`` since it was last asked."""
    with urllib.request.urlopen(f"{service.url}/stall", timeout=60) as answer:  # noqa: S310 - of our own
        return int(answer.read()) / 1e9


def heap_of(service: LabService) -> tuple[int, int]:
    """Return (bytes, objects) of the heap of ``service`` as its runtime counts them."""
    with urllib.request.urlopen(f"{service.url}/memstats", timeout=60) as answer:  # noqa: S310 - of our own
        held, objects = answer.read().split()
    return int(held), int(objects)


def _anonymous_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended between two looks
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:")))
    return sum(int(words[1]) for words in lines) << 10
