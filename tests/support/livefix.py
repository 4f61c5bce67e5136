"""The lab's program that checks itself while its maps are mended from outside (lab/livefix)."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapmedic.demo.service import lab_source
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.source.toolchain import GoToolchain

PATIENCE_SECONDS = 120


def build_livefix(go: GoToolchain, folder: Path, *flags: str) -> Path:
    """Build it with ``go``."""
    path = folder / f"livefix-{go.version}"
    subprocess.run(
        [str(go.path), "build", *flags, "-o", str(path), "./livefix"],
        cwd=lab_source(), env=go.environment, check=True, timeout=400,
    )  # fmt: skip
    return path


@dataclass(frozen=True)
class Place:
    """One map: the addresses of its header and its lock."""

    kind: str
    map: int
    lock: MapLock | None


@dataclass(frozen=True)
class LiveFix:
    """A running one."""

    process: subprocess.Popen[str]
    url: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def places(self) -> list[Place]:
        kinds = self.get("truth")["kinds"]
        return [Place(kind, each["map"], _lock(each)) for kind in kinds for each in kinds[kind]["places"]]

    def get(self, path: str) -> Any:
        return self._ask(urllib.request.Request(f"{self.url}/livefix/{path}"))

    def post(self, path: str) -> Any:
        return self._ask(urllib.request.Request(f"{self.url}/livefix/{path}", data=b"", method="POST"))

    def faults(self) -> dict[str, int]:
        """What it found wrong with its own maps, by kind of fault; nothing where nothing was."""
        return {name: count for name, count in self.get("stats")["faults"].items() if count}

    def entries(self, kind: str) -> int:
        return int(self.get("stats")["kinds"][kind]["entries"])

    @contextmanager
    def mended(self) -> Iterator[None]:
        """Tell it that entries may go meanwhile."""
        self.post("begin")
        try:
            yield
        finally:
            self.post("end")

    @staticmethod
    def _ask(request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)


@contextmanager
def livefix(program: Path, *arguments: str) -> Iterator[LiveFix]:
    """Run ``program`` until the end of the block, which it must live to see."""
    command = [str(program), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().split()
            assert ready == "READY"
            yield LiveFix(process, url)
            assert process.poll() is None, f"it ended with {process.returncode}"
        finally:
            process.kill()


def _lock(place: dict[str, Any]) -> MapLock | None:
    if not place.get("lock"):
        return None
    return MapLock(LockKind(place["lock_kind"]), place["lock"], "the lab says so")
