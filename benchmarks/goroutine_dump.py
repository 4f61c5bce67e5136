"""A dump of a million goroutines: group it, beside panicparse."""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from pathlib import Path

from benchmarks.big_dump import write_big_dump
from benchmarks.measure import Bar, Cost, Result, beside, cost_of, elsewhere, in_turn, peak, ratios, wall
from benchmarks.peers import panicparse
from mapmedic.source.toolchain import GoToolchain

GOROUTINES = 1_000_000
_FASTER = 5
# The peer takes a minute and 8 GiB for each.
_MOST_RUNS = 2
_MOST_BYTES = 128 << 20
_GROUP = """
import json, sys
from mapmedic.formats.goroutine_text import group_goroutines
with open(sys.argv[1], "rb") as file:
    dump = group_goroutines(iter(lambda: file.read(1 << 20), b""))
print(json.dumps([group.count for group in dump.groups]))
"""


def run(go: GoToolchain, folder: Path, runs: int) -> Result:
    """Group one dump with both; our groups must be those that were written."""
    dump, counts = folder / "dump.txt", folder / "counts.json"
    runs = min(runs, _MOST_RUNS)
    written = elsewhere(write_big_dump, dump, GOROUTINES)
    peer = panicparse(go)

    def ours() -> Cost:
        return cost_of([sys.executable, "-c", _GROUP, str(dump)], stdout=counts)

    title = f"Grouping a dump of {GOROUTINES:,} goroutines"
    words = (
        f"{dump.stat().st_size / 2**20:,.0f} MiB, {len(written)} distinct stacks out of real dumps, streamed."
    )
    if isinstance(peer, str):
        a = in_turn(runs, ours)[0]
        return Result(title, f"{words} No peer: {peer}; n = {runs}.", bars=(_memory(a),))
    # Without looking for sources, which are not here: its quickest way.
    command = [str(peer.path), "-parse=false", "-rebase=false"]
    a, b = in_turn(runs, ours, lambda: cost_of(command, stdin=dump))
    if Counter(json.loads(counts.read_text())) != Counter(written.values()):
        raise SystemExit("the groups are not those that were written")
    fast = Bar("times as fast", statistics.median(ratios(wall(b), wall(a))), _FASTER, at_least=True)
    words += f" Beside it: `pp -parse=false -rebase=false` of {peer.built}; n = {runs}."
    return Result(title, words, beside("panicparse", a, b), (fast, _memory(a)))


def _memory(costs: list[Cost]) -> Bar:
    """Memory must follow distinct stacks: far less than the dump, whatever its length."""
    return Bar("peak memory", max(peak(costs)) / 2**20, _MOST_BYTES / 2**20, at_least=False, unit=" MiB")
