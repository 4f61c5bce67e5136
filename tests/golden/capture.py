"""Capture the goldens anew from real Go processes: ``python -m tests.golden.capture [VERSION...]``.

Builds ``program/`` with every toolchain in ``.cache/go`` and writes ``captured/`` and PROVENANCE.md. Only
toolchains of this directory are used, only loopback ports, and paths of the machine stay out (-trimpath, a
fixed build directory).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
TOOLCHAINS = HERE.parents[1] / ".cache" / "go"
CAPTURED = HERE / "captured"
BUILD = Path("/tmp/mapmedic-golden")  # noqa: S108 - the profile names it, so it must be the same everywhere
STRIPPED_TOO = ("1.21.13", "1.23.9", "1.24.11", "1.27.3")
STRIP = "-s -w"
_PC = re.compile(rb"0x[0-9a-f]+")


def main(versions: list[str]) -> None:
    found = sorted((path.name for path in TOOLCHAINS.iterdir()), key=lambda v: [int(n) for n in v.split(".")])
    for version in versions or found:
        capture(version, "")
        if version in STRIPPED_TOO:
            capture(version, STRIP)
    write_provenance()


def capture(version: str, ldflags: str) -> None:
    build(version, ldflags)
    folder = CAPTURED / f"go{version}{'-stripped' if ldflags else ''}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / "crash.txt").open("wb") as crash:
        process = subprocess.Popen([BUILD / "program"], stdout=subprocess.PIPE, stderr=crash)
        try:
            assert process.stdout is not None
            ready, _pid, url, go = process.stdout.readline().decode().split()
            assert (ready, go) == ("READY", f"go{version}"), (ready, go)
            save_answers(url, folder)
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)


def build(version: str, ldflags: str) -> None:
    root = TOOLCHAINS / version
    cache = os.environ.get("GOCACHE", str(BUILD / "cache"))
    environment = {"GOROOT": str(root), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOCACHE": cache}
    environment |= {"HOME": str(BUILD), "PATH": os.environ["PATH"], "GOFLAGS": "-mod=mod"}
    command = [root / "bin" / "go", "build", "-trimpath", f"-ldflags={ldflags}", "-o", BUILD / "program", "."]
    subprocess.run(command, cwd=HERE / "program", env=environment, check=True)


def save_answers(url: str, folder: Path) -> None:
    def get(path: str) -> bytes:
        with urllib.request.urlopen(f"{url}{path}", timeout=20) as answer:
            body: bytes = answer.read()
            return body

    heap = get("/debug/pprof/heap?debug=1")
    (folder / "heap.txt").write_bytes(heap)
    (folder / "heap.pb.gz").write_bytes(get("/debug/pprof/heap"))
    (folder / "goroutine.txt").write_bytes(get("/debug/pprof/goroutine?debug=2"))
    (folder / "metrics.txt").write_bytes(get("/metrics"))
    stacks = b" ".join(re.findall(rb"@ (0x.*)", heap))
    pcs = sorted({int(pc, 16) for pc in _PC.findall(stacks)})
    for name, back in (("symbols.txt", 1), ("symbols_at_return.txt", 0)):
        query = "+".join(hex(pc - back) for pc in pcs)
        (folder / name).write_bytes(get(f"/debug/pprof/symbol?{query}"))


def write_provenance() -> None:
    lines = [
        "# Where the goldens come from",
        "",
        "`program/main.go`, built and run by `python -m tests.golden.capture` (linux/amd64, CGO_ENABLED=0,",
        "`go build -trimpath`; folders ending in `-stripped` with `-ldflags='-s -w'`). The folder names the",
        "version that the process itself reported. Each file is the body of one answer, unchanged:",
        "",
        "* `heap.txt` `/debug/pprof/heap?debug=1`; `heap.pb.gz` `/debug/pprof/heap`",
        "* `goroutine.txt` `/debug/pprof/goroutine?debug=2`; `crash.txt` what it printed on SIGQUIT",
        "* `symbols.txt` `/debug/pprof/symbol?` with every PC of `heap.txt` less one;",
        "  `symbols_at_return.txt` with the PCs as they are (see `mapmedic.formats.heap_text`)",
        "* `metrics.txt` `/metrics`, printed by the program under client_golang's names",
        "",
        "`*.expected` beside them is what our parsers made of it (tests/oracle checks them against slow twins);",
        "`MAPMEDIC_UPDATE_GOLDEN=1 pytest tests/golden` rewrites it.",
        "",
        f"Captured {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| file | bytes | sha256 |",
        "|---|---|---|",
    ]
    for path in sorted(p for p in CAPTURED.rglob("*") if p.is_file() and p.suffix != ".expected"):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f"| {path.relative_to(CAPTURED)} | {len(data)} | {digest} |")
    (HERE / "PROVENANCE.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
