"""Find a Go toolchain: the machine's own, or one that `make env` fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mapmedic.errors import ToolMissing

OLDEST_MINOR = 21
_CHECKOUT = Path(__file__).resolve().parents[3]
_VERSION = re.compile(r"go version (go1\.(\d+)\S*)")


@dataclass(frozen=True, slots=True)
class GoToolchain:
    """A `go` that works: its path, its version ("go1.26.8") and the environment to run it in."""

    path: Path
    version: str
    environment: dict[str, str]


def find_go(purpose: str) -> GoToolchain:
    """Return the first toolchain of Go 1.21 or newer: $MAPMEDIC_GO, PATH, then the checkout's cache.

    ToolMissing, naming ``purpose``, where there is none.
    """
    for candidate in _candidates():
        toolchain = probe_go(candidate)
        if toolchain is not None:
            return toolchain
    raise ToolMissing("Go 1.21 or newer", purpose)


def _candidates() -> list[Path]:
    named = os.environ.get("MAPMEDIC_GO")
    on_path = shutil.which("go")
    cached = sorted(_CHECKOUT.glob(".cache/go/*/bin/go"), key=_version_key, reverse=True)
    return [Path(each) for each in (named, on_path) if each] + cached


def _version_key(path: Path) -> tuple[int, ...]:
    return tuple(int(word) for word in path.parents[1].name.split(".") if word.isdigit())


def probe_go(path: Path) -> GoToolchain | None:
    """Return the toolchain whose `go` is at ``path``, None where it does not run or is older than 1.21."""
    # GOTOOLCHAIN=local: never download another Go behind the user's back.
    environment = {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOWORK": "off",
    }
    root = path.resolve().parents[1]
    if (root / "src" / "runtime").is_dir():
        environment["GOROOT"] = str(root)
    try:
        done = subprocess.run(
            [str(path), "version"], capture_output=True, text=True, timeout=30, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.match(done.stdout)
    if match is None or int(match.group(2)) < OLDEST_MINOR:
        return None
    return GoToolchain(path, match.group(1), environment)
