"""Fetch the libraries that the HTML report draws with, and hold them to the digests in PROVENANCE.md.

    python3 tools/update_assets.py --check     # no network: the files are those that were reviewed
    python3 tools/update_assets.py             # fetch again with `npm pack`; fails where a digest differs
    python3 tools/update_assets.py --accept    # after PACKAGES was changed and the new files were reviewed

Standard library only. Nothing is replaced unless every file of every package is as expected.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "src/mapmedic/report/assets/vendor"
PROVENANCE = VENDOR / "PROVENANCE.md"

# npm name -> version, licence, the files that are kept (beside LICENSE). The d3 modules are those that
# d3-flame-graph needs; d3-time and d3-time-format are not: only scaleTime of d3-scale calls them.
PACKAGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "uplot": ("1.6.32", "MIT", ("dist/uPlot.iife.min.js", "dist/uPlot.min.css")),
    "d3-flame-graph": ("5.0.0", "Apache-2.0", ("dist/d3-flamegraph.umd.min.js",)),
    "d3-array": ("3.2.5", "ISC", ("dist/d3-array.min.js",)),
    "d3-color": ("3.1.1", "ISC", ("dist/d3-color.min.js",)),
    "d3-dispatch": ("3.0.2", "ISC", ("dist/d3-dispatch.min.js",)),
    "d3-ease": ("3.0.2", "BSD-3-Clause", ("dist/d3-ease.min.js",)),
    "d3-format": ("3.1.3", "ISC", ("dist/d3-format.min.js",)),
    "d3-hierarchy": ("3.1.3", "ISC", ("dist/d3-hierarchy.min.js",)),
    "d3-interpolate": ("3.0.2", "ISC", ("dist/d3-interpolate.min.js",)),
    "d3-scale": ("4.0.3", "ISC", ("dist/d3-scale.min.js",)),
    "d3-selection": ("3.0.1", "ISC", ("dist/d3-selection.min.js",)),
    "d3-timer": ("3.0.2", "ISC", ("dist/d3-timer.min.js",)),
    "d3-transition": ("3.0.2", "ISC", ("dist/d3-transition.min.js",)),
}
_ROW = re.compile(r"^\| `(?P<file>[^`]+)` \|.*\| `(?P<digest>[0-9a-f]{64})` \|$", re.MULTILINE)
_HEAD = """# Where these files come from

Unchanged from the npm packages named here; the licence of each is in its folder. Written by
`tools/update_assets.py`, which also checks them: change versions there, not here.

| file | package | version | licence | bytes | sha256 |
|---|---|---|---|---|---|
"""


def main(arguments: list[str]) -> int:
    """Check, fetch or accept, and say what differs; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--check", action="store_true", help="only compare the files at hand with PROVENANCE.md"
    )
    parser.add_argument(
        "--accept", action="store_true", help="take the fetched files and write PROVENANCE.md anew"
    )
    options = parser.parse_args(arguments)
    files = _at_hand() if options.check else _fetched()
    differences = [] if options.accept else compare(files, expected())
    for difference in differences:
        print(f"update_assets: {difference}", file=sys.stderr)
    if differences:
        return 1
    if not options.check:
        _write(files)
    return 0


def expected() -> dict[str, str]:
    """Return file -> sha256 as PROVENANCE.md says."""
    return {row["file"]: row["digest"] for row in _ROW.finditer(PROVENANCE.read_text(encoding="utf-8"))}


def compare(files: dict[str, bytes], digests: dict[str, str]) -> list[str]:
    """Return a sentence for each file that is missing, not reviewed, or not what was reviewed."""
    wrong = [f"{name} is missing" for name in sorted(digests.keys() - files.keys())]
    wrong += [f"{name} is not in PROVENANCE.md" for name in sorted(files.keys() - digests.keys())]
    wrong += [
        f"{name} has sha256 {_digest(files[name])}, PROVENANCE.md says {digests[name]}"
        for name in sorted(files.keys() & digests.keys())
        if _digest(files[name]) != digests[name]
    ]
    return wrong


def _at_hand() -> dict[str, bytes]:
    paths = (path for path in VENDOR.rglob("*") if path.is_file() and path != PROVENANCE)
    return {path.relative_to(VENDOR).as_posix(): path.read_bytes() for path in paths}


def _fetched() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name, (version, _, kept) in PACKAGES.items():
        with tempfile.TemporaryDirectory() as scratch:
            command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", scratch]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(scratch).glob("*.tgz")
            files |= {f"{name}/{Path(path).name}": _member(archive, path) for path in ("LICENSE", *kept)}
    return files


def _member(archive: Path, path: str) -> bytes:
    with tarfile.open(archive) as opened:
        member = opened.extractfile(f"package/{path}")
        if member is None:
            raise SystemExit(f"update_assets: {archive.name} has no file {path}")
        return member.read()


def _write(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = VENDOR / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    rows = [_row(name, content) for name, content in sorted(files.items())]
    PROVENANCE.write_text(_HEAD + "".join(rows), encoding="utf-8")


def _row(name: str, content: bytes) -> str:
    package = name.split("/", 1)[0]
    version, licence, _ = PACKAGES[package]
    return f"| `{name}` | {package} | {version} | {licence} | {len(content)} | `{_digest(content)}` |\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
