"""Every lab scenario looked into from outside, on every Go version: plain, stripped, position-independent.

    python -m tests.live.heap_matrix [--go 1.21,1.27] [--scenario struct-field] [--build stripped] [--misses FILE]

Each cell is one real service: its inventory by `mapmedic heap`, held against the lab's own truth right before and
right after it (tests/live/heap_cells.py). Writes docs/reference/heap-matrix.md (only when the whole matrix ran) and
exits 1 on any miss.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mapmedic.demo.service import build_lab
from mapmedic.source.toolchain import GoToolchain, probe_go
from tests.live.heap_cells import HEAP_SCENARIOS, Look, look_into
from tests.live.scenarios import ROOT
from tools.toolchains import VERSIONS, ensure

TABLE = ROOT / "docs" / "reference" / "heap-matrix.md"
BUILDS = ("plain", "stripped", "PIE")
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario on one build: what was seen, or why nothing was."""

    scenario: str
    go: str
    build: str
    look: Look | None
    error: str | None
    seconds: float

    @property
    def misses(self) -> list[str]:
        """Return what is wrong in this cell; the first word of each says what missed."""
        return [f"error: {self.error}"] if self.look is None else self.look.misses()

    @property
    def words(self) -> str:
        """Return the cell as the table shows it: its pause in ms, or the words for what missed."""
        if self.look is None or self.misses:
            return f"**{', '.join(dict.fromkeys(miss.split(':')[0] for miss in self.misses))}**"
        return f"{self.look.inventory.snapshot.pause_ms:.1f}"


def main() -> int:
    """Run the matrix, print each miss, write the table; return 1 if anything missed."""
    options = _options()
    versions = options.go.split(",") if options.go else list(VERSIONS)
    scenarios = options.scenario.split(",") if options.scenario else list(HEAP_SCENARIOS)
    builds = options.build.split(",") if options.build else list(BUILDS)
    started = time.monotonic()
    cells = [cell for minor in versions for cell in _version(minor, scenarios, builds)]
    minutes = (time.monotonic() - started) / 60
    missed = [cell for cell in cells if cell.misses]
    if not options.go and not options.scenario and not options.build:
        TABLE.write_text(render(cells, versions, minutes), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    if options.misses:
        options.misses.write_text("".join(f"{line}\n" for line in told(missed)), encoding="utf-8")
    print(f"{len(cells) - len(missed)} passed, {len(missed)} failed, {minutes:.1f} minutes")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--go", help="only these minor versions, comma between")
    parser.add_argument("--scenario", help="only these scenarios, comma between")
    parser.add_argument("--build", help=f"only these of {', '.join(BUILDS)}, comma between")
    parser.add_argument("--misses", type=Path, help="write the misses there, one a line")
    return parser.parse_args()


def _version(minor: str, scenarios: Sequence[str], builds: Sequence[str]) -> list[Cell]:
    """Build the lab once for each of ``builds`` and run every scenario on it."""
    go = _toolchain(minor)
    binaries = {build: build_lab(go, stripped=build == "stripped", pie=build == "PIE")[0] for build in builds}
    jobs = [(name, minor, build, binaries[build]) for name in scenarios for build in builds]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda job: _cell(*job), jobs))


def _toolchain(minor: str) -> GoToolchain:
    go = probe_go(ensure(minor) / "bin" / "go")
    if go is None:
        raise SystemExit(f"Go {minor} does not run on this machine")
    return go


def _cell(name: str, minor: str, build: str, binary: Path) -> Cell:
    started, look, error = time.monotonic(), None, None
    try:
        look = look_into(binary, HEAP_SCENARIOS[name], stripped=build == "stripped")
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    cell = Cell(name, minor, build, look, error, time.monotonic() - started)
    outcome = f"MISS {_short(cell.misses)}" if cell.misses else f"{cell.words} ms"
    print(f"go {minor} {build:8} {name:15} {cell.seconds:5.1f} s  {outcome}", flush=True)
    return cell


def render(cells: Sequence[Cell], versions: Sequence[str], minutes: float) -> str:
    """Return the table as Markdown: scenario by Go version, each cell plain / stripped / PIE."""
    missed = [cell for cell in cells if cell.misses]
    lines = [
        _preamble(cells, len(missed), minutes),
        "| scenario | maps | " + " | ".join(f"Go {VERSIONS[minor]}" for minor in versions) + " |",
        "|---|---|" + "---|" * len(versions),
    ]
    for name in dict.fromkeys(cell.scenario for cell in cells):
        mine = [cell for cell in cells if cell.scenario == name]
        row = (" / ".join(cell.words for cell in mine if cell.go == minor) for minor in versions)
        lines.append(f"| {name} | {_maps(mine)} | {' | '.join(row)} |")
    if missed:
        lines += ["", "Misses:", "", *(f"* {line}" for line in told(missed))]
    return "\n".join(lines) + "\n"


def told(missed: Sequence[Cell]) -> list[str]:
    """Return one line for each cell that missed: where and what."""
    return [f"{cell.scenario}, Go {cell.go}, {cell.build}: {_short(cell.misses)}" for cell in missed]


def _short(misses: Sequence[str]) -> str:
    """Return the first sentence of each kind of miss, with how many there are."""
    kinds: dict[str, list[str]] = {}
    for miss in misses:
        kinds.setdefault(miss.split(":")[0], []).append(miss)
    return "; ".join(f"{first} (1 of {1 + len(rest)})" if rest else first for first, *rest in kinds.values())


def _maps(cells: Sequence[Cell]) -> str:
    """Return what the lab says it holds."""
    truth = next((cell.look.before for cell in cells if cell.look), None)
    if truth is None:
        return "?"
    if not truth["type"] or not (truth["design"] or truth["type"] == "sync.Map"):
        return "none"
    parts = truth.get("parts")
    return f"{len(parts)} of `{truth['type']}`" if parts else f"`{truth['type']}`"


def _preamble(cells: Sequence[Cell], missed: int, minutes: float) -> str:
    pauses = sorted(cell.look.inventory.snapshot.pause_ms for cell in cells if cell.look) or [0.0]
    objects = sum(cell.look.inventory.snapshot.heap_objects for cell in cells if cell.look)
    return (
        "# Heap matrix\n\n"
        "Generated by `python -m tests.live.heap_matrix`, a part of `make live`; do not edit. Each cell is one\n"
        "real service looked into from outside, without agent or endpoint: plain / stripped (`-ldflags=-s -w`) /\n"
        "PIE (`-buildmode=pie`). A figure is the pause in ms, and says that all of this holds against the lab's\n"
        "truth, asked right before and right after: entries and capacity to the one, shallow and dead bytes within\n"
        "1 %, type, design, owner and declaration of every map of the scenario (stripped: no owner is asked for,\n"
        "and no wrong declaration given; Go 1.21 stripped: the type may be unknown, not wrong), or, where the\n"
        "service holds no map, no map that stands out and what it is instead; RSS that adds up, nothing unread,\n"
        "and afterwards no thread stopped, no tracer, no copy, and an answer. Else **the words for what missed**.\n\n"
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, two services at a time, {minutes:.0f} minutes;\n"
        f"n = {len(cells)} services, {objects:,} heap objects, {missed} missed. "
        f"Pauses {pauses[0]:.1f} to {pauses[-1]:.1f} ms, median {statistics.median(pauses):.1f}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
