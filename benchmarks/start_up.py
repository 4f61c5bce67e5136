"""What a person waits for: a small profile diagnosed, the help printed. CPU of whole processes, imports included."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.big_profile import write_big_profile
from benchmarks.measure import Bar, Cost, Result, cost_of, in_turn, spread
from mapmedic.source.toolchain import GoToolchain

MAPMEDIC = Path(sys.executable).with_name("mapmedic")
_SAMPLES, _FUNCTIONS = 800, 300
_TIMES = 4
_DIAGNOSED_SECONDS = 0.4
_HELP_SECONDS = 0.25


def run(_go: GoToolchain, folder: Path, runs: int) -> Result:
    """Diagnose a profile of some 50 KB and print the help, in turn; the least of all runs counts."""
    profile = folder / "small.pb.gz"
    write_big_profile(profile, _SAMPLES, _FUNCTIONS)
    runs *= _TIMES  # they are short: what others do on the machine is a large part of each
    diagnosed, helped = in_turn(
        runs,
        lambda: cost_of([str(MAPMEDIC), "diagnose", str(profile)]),
        lambda: cost_of([str(MAPMEDIC), "--help"]),
    )
    table = [("command", "CPU, s", "wall, s")]
    table += [
        _row(f"mapmedic diagnose, {profile.stat().st_size / 1000:.0f} kB", diagnosed),
        _row("mapmedic --help", helped),
    ]
    return Result(
        "Start-up",
        f"Whole processes, imports included; n = {runs} each, in turn. The bars are held against the least of them, "
        "the run that the rest of the machine disturbed least.",
        tuple(table),
        (
            Bar(
                "a small profile diagnosed",
                _least(diagnosed),
                _DIAGNOSED_SECONDS,
                at_least=False,
                unit=" CPU-s",
            ),
            Bar("the help", _least(helped), _HELP_SECONDS, at_least=False, unit=" CPU-s"),
        ),
    )


def _least(costs: list[Cost]) -> float:
    return min(cost.cpu_seconds for cost in costs)


def _row(name: str, costs: list[Cost]) -> tuple[str, ...]:
    cpu, wall = [c.cpu_seconds for c in costs], [c.wall_seconds for c in costs]
    return name, spread(cpu), spread(wall)
