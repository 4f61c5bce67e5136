"""Maps of busy programs emptied from outside, a thousand times: every Go version, plain and stripped, kind by kind.

    python -m tests.live.live_fix_matrix [--go 1.21,1.27] [--build stripped] [--kind session-desk] [--fixes 6]

Each cell is one lab/livefix with writers, readers, a deleter, a checker and a collection every 20 ms. Then the time
it takes while the lock is held for 10 to 99.9 % of the time, and with an iterator alive all the time. Writes
docs/reference/live-fix.md (only when all of it ran); exits 1 on any crash, lost update, wrong lock or other fault.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mapmedic.source.toolchain import GoToolchain, probe_go
from tests.live.live_fix_cells import CellResult, Fix, run_cell
from tests.live.scenarios import ROOT
from tests.support.livefix_program import build_livefix
from tools.toolchains import NEWEST, VERSIONS, ensure

TABLE = ROOT / "docs" / "reference" / "live-fix.md"
BUILDS = {"plain": (), "stripped": ("-ldflags=-s -w",)}
KINDS = (
    "any-index", "generic-cache", "global-rates", "global-tokens", "int-ledger", "lone-notes", "point-grid",
    "session-desk", "sharded-devices", "small-flags", "vault-tokens", "wide-archive",
)  # fmt: skip
# 7 versions, 2 builds, 12 kinds: a little over a thousand, and 15 times that many of shards.
FIXES = 6
SHARES = ("0", "10", "50", "90", "99", "99.9")
CONTENDED_FIXES = 10
ENTRIES = "5000"


@dataclass(frozen=True, slots=True)
class Cell:
    """One program: ``what`` it was (Go, build, kind; or the share of time its lock was held) and what became of it."""

    what: tuple[str, ...]
    result: CellResult


def main() -> int:
    """Run both parts, print each cell, write the page; return 1 where anything was harmed."""
    options = _options()
    versions = options.go.split(",") if options.go else list(VERSIONS)
    builds = options.build.split(",") if options.build else list(BUILDS)
    kinds = options.kind.split(",") if options.kind else list(KINDS)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="livefix-") as folder:
        matrix = [
            cell for minor in versions for cell in _version(minor, builds, kinds, options.fixes, Path(folder))
        ]
        whole = not (options.go or options.build or options.kind)
        contended = list(_contention(Path(folder))) if whole else []
    minutes = (time.monotonic() - began) / 60
    if whole:
        TABLE.write_text(render(matrix, contended, minutes), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    harmed = [cell for cell in matrix + contended if cell.result.misses]
    fixes = sum(len(cell.result.fixes) for cell in matrix)
    print(f"{fixes:,} fixes, {len(harmed)} programs harmed, {minutes:.1f} minutes")
    return 1 if harmed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--go", help="only these minor versions, comma between")
    parser.add_argument("--build", help=f"only these of {', '.join(BUILDS)}, comma between")
    parser.add_argument("--kind", help="only these kinds of maps, comma between")
    parser.add_argument("--fixes", type=int, default=FIXES, help=f"fixes of each map ({FIXES})")
    return parser.parse_args()


def _toolchain(minor: str) -> GoToolchain:
    go = probe_go(ensure(minor) / "bin" / "go")
    if go is None:
        raise SystemExit(f"Go {minor} does not run on this machine")
    return go


def _version(
    minor: str, builds: Sequence[str], kinds: Sequence[str], fixes: int, folder: Path
) -> Iterator[Cell]:
    go = _toolchain(minor)
    for build in builds:
        program = build_livefix(go, folder, *BUILDS[build])
        for kind in kinds:
            cell = Cell((minor, build, kind), run_cell(program, [kind, "--entries", ENTRIES], fixes))
            print(" ".join(cell.what), _words(cell.result), flush=True)
            yield cell


def _contention(folder: Path) -> Iterator[Cell]:
    """Yield what becomes of fixes while the lock is held, and with an iterator alive all the time."""
    program = build_livefix(_toolchain(NEWEST), folder)
    for iterators in ("0", "1"):
        for share in SHARES:
            flags = ["--held", share, "--iterators", iterators, "--entries", ENTRIES]
            cell = Cell((share, iterators), run_cell(program, ["session-desk", *flags], CONTENDED_FIXES))
            print(f"held {share} %, {iterators} iterators: {_words(cell.result)}", flush=True)
            yield cell


def _words(result: CellResult) -> str:
    """Return the cell as the table shows it: done of all, or what must never be."""
    if result.misses:
        return f"**{', '.join(dict.fromkeys(miss.split(':')[0] for miss in result.misses))}**"
    done = [fix for fix in result.fixes if fix.refused is None]
    return f"{len(done)}/{len(result.fixes)}"


def render(matrix: Sequence[Cell], contended: Sequence[Cell], minutes: float) -> str:
    """Return the page as Markdown."""
    versions = list(dict.fromkeys(cell.what[0] for cell in matrix))
    lines = [
        _preamble(matrix, minutes),
        "| kind of map | how its lock was known | "
        + " | ".join(f"Go {VERSIONS[each]}" for each in versions)
        + " |",
        "|---|---|" + "---|" * len(versions),
    ]
    for kind in dict.fromkeys(cell.what[2] for cell in matrix):
        mine = [cell for cell in matrix if cell.what[2] == kind]
        row = (" / ".join(_words(cell.result) for cell in mine if cell.what[0] == each) for each in versions)
        lines.append(f"| {kind} | {_lock_words(mine)} | {' | '.join(row)} |")
    lines += ["", *_refusals(matrix), *_stalls(matrix), *_contention_table(contended)]
    harmed = [
        f"* {' '.join(cell.what)}: {'; '.join(cell.result.misses)}" for cell in matrix if cell.result.misses
    ]
    return "\n".join([*lines, *(["", "Harmed:", "", *harmed] if harmed else [])]) + "\n"


def _preamble(matrix: Sequence[Cell], minutes: float) -> str:
    fixes = [fix for cell in matrix for fix in cell.result.fixes]
    crashes = sum(cell.result.crash is not None for cell in matrix)
    faults = sum(sum(cell.result.faults.values()) for cell in matrix)
    return f"""# Live fixes from outside

Generated by `make soak`; do not edit. Each cell is one real program that checks itself while its maps are emptied
from outside (lab/livefix): fixes done of those tried, plain / stripped. {len(fixes):,} fixes in {minutes:.0f}
minutes on {platform.system()} {platform.machine()}, {os.cpu_count()} cores: {crashes} crashes, {faults} faults
(lost updates, wrong values, deleted entries that came back, iterators that yielded what is gone).
"""


def _lock_words(cells: Sequence[Cell]) -> str:
    """Return how the lock was known, for each build in turn."""
    known = (next(iter(cell.result.locks.values()), "?") for cell in cells)
    return " / ".join(dict.fromkeys(known))


def _refusals(cells: Sequence[Cell]) -> list[str]:
    counts = Counter(fix.refused for fix in _fixes(cells) if fix.refused is not None)
    if not counts:
        return ["No fix was refused.", ""]
    rows = [f"| {why} | {count:,} |" for why, count in counts.most_common()]
    return ["| refused, for | times |", "|---|---|", *rows, ""]


def _stalls(cells: Sequence[Cell]) -> list[str]:
    """Return the longest gap of the program's 1 ms ticker around a fix, beside that while nobody did anything."""
    fixed = [fix.gap_ms for fix in _fixes(cells)]
    idle = [gap for cell in cells for gap in cell.result.idle_gaps_ms]
    stops = [fix.stall_ms for fix in _fixes(cells) if fix.refused is None]
    rows = [("longest gap of a 1 ms ticker, from begin to end of a fix", fixed)]
    rows += [("the same between two fixes", idle), ("the stop in which the map was written", stops)]
    told = [
        f"| {what} | {len(all_):,} | {median(all_):.2f} | {max(all_):.2f} |" for what, all_ in rows if all_
    ]
    return ["| | n | median ms | worst ms |", "|---|---|---|---|", *told, ""]


def _contention_table(cells: Sequence[Cell]) -> list[str]:
    if not cells:
        return []
    lines = [
        f"`session-desk`, Go {VERSIONS[NEWEST]}, {CONTENDED_FIXES} fixes each, given up after 10 s:", "",
        "| lock held | iterators alive | done | tries, median | waited, median ms | worst ms | refused for |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for cell in cells:
        share, iterators = cell.what
        done = [fix for fix in cell.result.fixes if fix.refused is None]
        why = ", ".join(sorted({fix.refused for fix in cell.result.fixes if fix.refused}))
        lines.append(f"| {share} % | {iterators} | {_words(cell.result)} | {_waits(done)} | {why} |")
    return lines


def _waits(done: Sequence[Fix]) -> str:
    if not done:
        return "- | - | -"
    waits = [fix.waited_ms for fix in done]
    return f"{median(fix.tries for fix in done):.0f} | {median(waits):.0f} | {max(waits):.0f}"


def _fixes(cells: Sequence[Cell]) -> Iterator[Fix]:
    for cell in cells:
        yield from cell.result.fixes


if __name__ == "__main__":
    raise SystemExit(main())
