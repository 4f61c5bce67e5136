"""Every cell of the agent's strategy table under readers, writers and cut connections, on every Go version.

    python -m tests.live.agent_matrix [--go 1.21,1.27] [--short] [--at-once 2]

Runs TestMatrix and TestACut of agent/ with the race detector, and writes docs/reference/agent-matrix.md
(only when all versions ran). Go 1.24 and 1.25 run twice: their GOEXPERIMENT brings the old designs back.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.scenarios import ROOT
from tools.toolchains import VERSIONS, ensure

TABLE = ROOT / "docs" / "reference" / "agent-matrix.md"
OLD_DESIGNS = "noswissmap,nosynchashtriemap"
_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Build:
    """One Go version, with the designs of maps that it is built with."""

    minor: str
    experiment: str = ""

    @property
    def title(self) -> str:
        """Return the heading of its column."""
        return f"{VERSIONS[self.minor]}{' old designs' if self.experiment else ''}"


@dataclass(frozen=True, slots=True)
class Run:
    """What the tests said on one build; ``failure`` is the end of their output, "" where they passed."""

    build: Build
    cells: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    failure: str = ""


def main() -> int:
    """Run the matrix, print each build, write the table; return 1 if anything failed."""
    options = _options()
    minors = options.go.split(",") if options.go else list(VERSIONS)
    builds = [Build(minor) for minor in minors]
    builds += [Build(minor, OLD_DESIGNS) for minor in minors if minor in ("1.24", "1.25")]
    with ThreadPoolExecutor(options.at_once) as pool:
        runs = list(pool.map(lambda build: _run(build, short=options.short), builds))
    if not options.go:
        TABLE.write_text(render(runs), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    failed = [run for run in runs if run.failure]
    print(f"{len(runs) - len(failed)} builds passed, {len(failed)} failed")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--go", help="only these minor versions, comma between")
    parser.add_argument("--short", action="store_true", help="fewer rounds, as in the tests")
    parser.add_argument("--at-once", type=int, default=1, help="builds that run at a time")
    return parser.parse_args()


def _run(build: Build, *, short: bool) -> Run:
    started = time.monotonic()
    root = ensure(build.minor)
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "cells"
        done = subprocess.run(
            [str(root / "bin" / "go"), "test", "-race", "-count=1", f"-timeout={_SECONDS}s",
             f"-short={str(short).lower()}", "-run=TestMatrix|TestACut", "."],
            cwd=ROOT / "agent", capture_output=True, text=True, timeout=_SECONDS + 60, check=False,
            env={**os.environ, "GOROOT": str(root), "GOTOOLCHAIN": "local", "GOWORK": "off",
                 "GOEXPERIMENT": build.experiment, "MAPMEDIC_MATRIX": str(record)},
        )  # fmt: skip
        run = Run(build, _cells(record), "" if done.returncode == 0 else (done.stdout + done.stderr)[-2000:])
    outcome = run.failure or "passed"
    print(f"go {build.title:22} {time.monotonic() - started:6.1f} s  {outcome}", flush=True)
    return run


def _cells(record: Path) -> dict[tuple[str, str], dict[str, Any]]:
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    cells = [json.loads(line) for line in lines]
    return {(cell["container"], cell["strategy"]): cell for cell in cells}


def render(runs: Sequence[Run]) -> str:
    """Return the table as Markdown: container and strategy by build."""
    keys = list(dict.fromkeys(key for run in runs for key in run.cells))
    lines = [
        _preamble(runs),
        "| container | strategy | rounds | " + " | ".join(run.build.title for run in runs) + " |",
        "|---|---|---|" + "---|" * len(runs),
    ]
    lines += [
        f"| {container} | `{strategy}` | {_rounds(runs, (container, strategy))} | "
        + " | ".join(_words(run.cells.get((container, strategy))) for run in runs)
        + " |"
        for container, strategy in keys
    ]
    failures = [
        f"* Go {run.build.title}: {run.failure.strip().splitlines()[-1]}" for run in runs if run.failure
    ]
    return "\n".join(lines + (["", "Failures:", "", *failures] if failures else [])) + "\n"


def _preamble(runs: Sequence[Run]) -> str:
    cells = [cell for run in runs for cell in run.cells.values()]
    rounds = sum(cell["rounds"] for cell in cells)
    entries = sum(cell["taken"] for cell in cells)
    return (
        "# Agent matrix\n\n"
        "Generated by `python -m tests.live.agent_matrix`, a part of `make live`; do not edit. Each cell is one\n"
        "container with three writers and three readers that never stop, under the race detector\n"
        "(`agent/matrix_test.go`): rounds of an operation that ends in an undo, and of one that ends in stream,\n"
        "commit and restore. After each round every writer compares every key with what it last did to it. A cell\n"
        "says how many entries were taken out and brought back in all rounds, none lost and none invented, or\n"
        "that the strategy was refused and nothing changed. A shrink takes no entry out. The large map has 90,000\n"
        "entries, for a clear 260,000. With it runs `TestACutAnywhereLosesNothing`, whose connections are reset\n"
        "after random numbers of bytes.\n"
        f"Old designs: `GOEXPERIMENT={OLD_DESIGNS}`.\n\n"
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, "
        f"n = {len(cells)} cells, {rounds} rounds, {entries:,} entries; "
        f"{sum(bool(run.failure) for run in runs)} of {len(runs)} builds failed.\n"
    )


def _rounds(runs: Sequence[Run], key: tuple[str, str]) -> str:
    """Return how many rounds a cell had; a single one ends in an undo."""
    cells = [run.cells[key] for run in runs if key in run.cells]
    fewest = min((cell["rounds"] for cell in cells), default=0)
    single = fewest == 1 and any(cell["outcome"] == "works" for cell in cells)
    return "1, undo" if single else str(fewest)


def _words(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "**missed**"
    if cell["outcome"] == "refused":
        return "refused"
    return f"{cell['taken']:,}" if cell["taken"] else "works"


if __name__ == "__main__":
    sys.exit(main())
