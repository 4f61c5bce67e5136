"""A heap profile as large as the largest seen: load it and print the top functions, beside ``go tool pprof -top``."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from benchmarks.big_profile import write_big_profile
from benchmarks.measure import Bar, Cost, Result, beside, cost_of, elsewhere, in_turn, peak, ratios, wall
from benchmarks.peers import pprof
from benchmarks.top_table import FUNCTIONS_SHOWN
from mapmedic.source.toolchain import GoToolchain

SAMPLES = 400_000
_FASTER = 10
_SMALLER = 4


def run(go: GoToolchain, folder: Path, runs: int) -> Result:
    """Load and sum up one profile with both; their tables must agree."""
    profile, peer = folder / "big.pb.gz", pprof(go)
    elsewhere(write_big_profile, profile, SAMPLES)
    our_table, their_table = folder / "ours.txt", folder / "theirs.txt"

    def ours() -> Cost:
        return cost_of([sys.executable, "-m", "benchmarks.top_table", str(profile)], stdout=our_table)

    def theirs() -> Cost:
        shown = f"-nodecount={FUNCTIONS_SHOWN}"
        return cost_of([str(peer.path), "-top", "-unit=B", shown, str(profile)], stdout=their_table)

    a, b = in_turn(runs, ours, theirs)
    _require_same(our_table.read_text(), their_table.read_text())
    return Result(
        f"The top functions of a profile of {SAMPLES:,} samples",
        f"{profile.stat().st_size / 2**20:.1f} MiB gzipped, 24 frames a sample, 6,000 functions; inuse_space by "
        f"function, flat and cumulative, the first {FUNCTIONS_SHOWN} printed and compared. "
        f"Beside it: {peer.built}; n = {runs}.",
        beside("go tool pprof -top", a, b),
        (
            Bar("times as fast", statistics.median(ratios(wall(b), wall(a))), _FASTER, at_least=True),
            Bar("of its memory, one part in", statistics.median(ratios(peak(b), peak(a))), _SMALLER, at_least=True),
        ),
    )  # fmt: skip


def _require_same(ours: str, theirs: str) -> None:
    """Both must name the same functions with the same bytes, or one of them is fast and wrong."""
    expected = {}
    for line in theirs.splitlines():
        flat, _, _, cumulative, _, name = (line.split(maxsplit=5) + [""] * 6)[:6]
        if flat.endswith("B") and name:
            expected[name] = (flat.removesuffix("B"), cumulative.removesuffix("B"))
    rows = [line.split("\t") for line in ours.splitlines()]
    if len(rows) != FUNCTIONS_SHOWN or {name: (flat, cum) for flat, cum, name in rows} != expected:
        raise SystemExit(f"the two tables differ:\n{ours}\n{theirs}")
