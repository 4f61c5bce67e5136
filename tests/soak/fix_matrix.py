"""Maps of busy programs emptied from outside, a thousand times: every Go version, every kind of map, hard programs.

Of some, entries go one by one: half of them, or all.

    python -m tests.soak.fix_matrix [--go 1.21,1.27] [--program stripped] [--kind session-desk] [--fixes 6] [--resume]

Each cell is one lab/livefix with writers, readers, a deleter, a checker, an iterator that comes and goes and a
collection every 20 ms. Writes docs/reference/live-fix.md (only when all of it ran); exits 1 on any crash, lost
update, wrong lock or other fault.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.live.scenarios import ROOT
from tests.soak.fix_cells import PATIENCE, CellResult, run_cell
from tests.soak.fix_table import Cell, render, words
from tests.soak.kept import Kept
from tests.soak.programs import HARD, ONE_BY_ONE, ORDINARY, Program, walking
from tools.toolchains import VERSIONS

TABLE = ROOT / "docs" / "reference" / "live-fix.md"
# 7 versions, 2 builds, 20 kinds; programs that are hard; entries that go one by one: some 1,500.
FIXES, HARD_FIXES = 4, 2
ENTRIES = ("--entries", "5000")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cells, print each, write the page; return 1 where a program was harmed."""
    options = _options(arguments)
    began = time.monotonic()
    kept = Kept("live-fix", resume=options.resume)
    todo = list(_cells(options))
    cells = []
    with tempfile.TemporaryDirectory(prefix="livefix-") as folder:
        for number, (program, minor, kind) in enumerate(todo, 1):
            cell = _cell(program, minor, kind, options, Path(folder), kept)
            cells.append(cell)
            left = (time.monotonic() - began) / number * (len(todo) - number) / 60
            print(
                f"{number}/{len(todo)}, {left:.0f} min left: {minor} {program.name} {kind} {words(cell.result)}",
                flush=True,
            )
    if not (options.go or options.program or options.kind):
        TABLE.write_text(render(cells, time.monotonic() - began), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    return _told(cells)


def _told(cells: Sequence[Cell]) -> int:
    harmed = [cell for cell in cells if cell.result.misses]
    for cell in harmed:
        print(f"HARMED: {cell.minor} {cell.program} {cell.kind}: {'; '.join(cell.result.misses)}")
    print(f"{sum(len(cell.result.fixes) for cell in cells):,} fixes, {len(harmed)} programs harmed")
    return 1 if harmed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--go", help="only these minor versions, comma between")
    parser.add_argument("--program", help="only programs whose name begins with one of these, comma between")
    parser.add_argument("--kind", help="only these kinds of maps, comma between")
    parser.add_argument("--fixes", type=int, default=FIXES, help=f"fixes of each ordinary program ({FIXES})")
    parser.add_argument("--hard-fixes", type=int, default=HARD_FIXES, help=f"of each hard one ({HARD_FIXES})")
    parser.add_argument(
        "--resume", action="store_true", help="go on where a run that was cut short had come to"
    )
    return parser.parse_args(arguments)


def _cells(options: argparse.Namespace) -> Iterator[tuple[Program, str, str]]:
    """Yield (program, Go, kind of map) of every cell that was asked for."""
    minors, kinds = _listed(options.go), _listed(options.kind)
    for program in (*ORDINARY, *HARD, *ONE_BY_ONE):
        if options.program and not program.name.startswith(tuple(_listed(options.program))):
            continue
        for minor in program.minors:
            if minor in (minors or VERSIONS):
                yield from ((program, minor, kind) for kind in kinds or program.kinds)


def _listed(text: str | None) -> list[str]:
    return text.split(",") if text else []


def _cell(
    program: Program, minor: str, kind: str, options: argparse.Namespace, folder: Path, kept: Kept
) -> Cell:
    is_hard = program not in ORDINARY
    fixes = options.hard_fixes if is_hard else options.fixes
    key = f"{minor} {program.name} {kind} {fixes}"
    known = kept.get(key)
    if known is None:
        flags = () if is_hard else walking(minor, program.kinds, kind)
        arguments = [kind, *ENTRIES, *flags, *program.arguments]
        patience = replace(PATIENCE, budget_ms=program.budget_ms)
        result = run_cell(
            program.build(minor, folder), arguments, fixes, program.environment, patience, program.strategy
        )
        kept.add(key, result.kept())
    else:
        result = CellResult.of(known)
    return Cell(minor, program.name, kind, is_hard, result)


if __name__ == "__main__":
    raise SystemExit(main())
