"""Build the programs whose answers are the goldens, with every Go in ``.cache/go``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
TOOLCHAINS = HERE.parents[1] / ".cache" / "go"
BUILD = Path("/tmp/mapmedic-golden")  # noqa: S108 - the profile names it, so it must be the same everywhere


def versions() -> list[str]:
    """Return the versions at hand, oldest first."""
    return sorted((path.name for path in TOOLCHAINS.iterdir()), key=lambda v: [int(n) for n in v.split(".")])


def build(version: str, package: str = "program", ldflags: str = "") -> Path:
    """Build a package of this directory and return the program."""
    program = BUILD / package.replace("/", "-")
    go(version, package, "build", "-trimpath", f"-ldflags={ldflags}", "-o", str(program), ".")
    return program


def build_test(version: str, package: str) -> Path:
    """Build the tests of a package as a program and return it."""
    program = BUILD / package.replace("/", "-")
    go(version, package, "test", "-trimpath", "-c", "-o", str(program), ".")
    return program


def go(version: str, package: str, *words: str) -> None:
    """Run the ``go`` of ``version`` in a package's folder; paths of the machine stay out of what it makes."""
    root = TOOLCHAINS / version
    own = {"GOROOT": str(root), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    cache = {"GOCACHE": os.environ.get("GOCACHE", str(BUILD / "cache"))}
    subprocess.run(
        [root / "bin" / "go", *words], cwd=HERE / package, env={**os.environ, **own, **cache}, check=True
    )
