"""Capture the goldens anew from real Go processes: ``python -m tests.golden.capture [--only PART] [VERSION...]``.

Builds the programs beside this file with every toolchain in ``.cache/go`` and writes ``captured/`` and
PROVENANCE.md. Only toolchains of this directory are used, only loopback ports, and paths of the machine stay out
(-trimpath, a fixed build directory).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import signal
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from tests.golden.capture_crashes import ENDS, capture_crashes
from tests.golden.capture_profiles import ANSWERS, capture_client_golang, capture_profiles
from tests.golden.toolchain import HERE, build, versions

CAPTURED = HERE / "captured"
STRIPPED_TOO = ("1.21.13", "1.23.9", "1.24.11", "1.27.3")
STRIP = "-s -w"
_PC = re.compile(rb"0x[0-9a-f]+")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("versions", nargs="*", default=versions())
    options.add_argument("--only", choices=PARTS, help="leave the other parts as they are")
    chosen = options.parse_args()
    for part in [chosen.only] if chosen.only else PARTS:
        for version in chosen.versions:
            PARTS[part](version, CAPTURED / f"go{version}")
    write_provenance()


def capture_answers(version: str, folder: Path) -> None:
    capture(version, "")
    if version in STRIPPED_TOO:
        capture(version, STRIP)


PARTS = {
    "answers": capture_answers,
    "profiles": capture_profiles,
    "crashes": capture_crashes,
    "client_golang": capture_client_golang,
}


def capture(version: str, ldflags: str) -> None:
    program = build(version, ldflags=ldflags)
    folder = CAPTURED / f"go{version}{'-stripped' if ldflags else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "crash.txt").open("wb") as crash:
        process = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=crash)
        try:
            assert process.stdout is not None
            ready, _pid, url, go = process.stdout.readline().decode().split()
            assert (ready, go) == ("READY", f"go{version}"), (ready, go)
            save_answers(url, folder)
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)


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
        "`program`, built and run by `python -m tests.golden.capture` (linux/amd64, CGO_ENABLED=0,",
        "`go build -trimpath`; folders ending in `-stripped` with `-ldflags='-s -w'`). The folder names the",
        "version that the process itself reported. Each file is the body of one answer, unchanged:",
        "",
        "* `heap.txt` `/debug/pprof/heap?debug=1`; `heap.pb.gz` `/debug/pprof/heap`",
        "* `goroutine.txt` `/debug/pprof/goroutine?debug=2`; `crash.txt` what it printed on SIGQUIT",
        "* `symbols.txt` `/debug/pprof/symbol?` with every PC of `heap.txt` less one;",
        "  `symbols_at_return.txt` with the PCs as they are (see `mapmedic.formats.heap_text`)",
        "* `metrics.txt` `/metrics`, printed by the program under client_golang's names",
        "",
        "Of `program/profiles`, of `program/crash` and `program/bubble`, and of `prometheus`:",
        "",
        *(f"* `{name}` `/debug/pprof/{query}`" for name, query in ANSWERS.items()),
        "* `gctrace.txt` what it wrote to stderr under `GODEBUG=gctrace=1,scavtrace=1`, its own log between",
        *(f"* `crash_{end}.txt` {_ending(end, variables)}" for end, variables in ENDS.items()),
        "* `crash_bubble.txt` a test in testing/synctest that deadlocks",
        "* `metrics_client_golang.txt` what client_golang v1.19.1 answers a scrape",
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


def _ending(end: str, variables: dict[str, str]) -> str:
    words = " ".join(f"`{name}={value}`" for name, value in variables.items())
    return f"what it printed at the end `{end}`" + (f", under {words}" if words else "")


if __name__ == "__main__":
    main()
