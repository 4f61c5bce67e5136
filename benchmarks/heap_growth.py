"""How an inventory grows with the heap: time per object and pause per GB, on heaps of one to eight GB."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Bar, Result, cost_of, spread
from benchmarks.start_up import MAPMEDIC
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.source.toolchain import GoToolchain

SIZES_GB = (1, 2, 4, 8)
_SCENARIO = "struct-field"
# A session of it: struct, two texts, a payload of 1,800 bytes, its slot.
_BYTES_AN_ENTRY = 2_250
# The heap may be a quarter garbage, not half: the machine must hold it and a copy of what changes.
_ENVIRONMENT = {"GOGC": "25"}
_NO_LIMIT_MS = 60_000
# How much dearer an object or a GB of pause may be on the largest heap than on the smallest.
_FLAT = 1.5


@dataclass(frozen=True, slots=True)
class Grown:
    """The looks at a heap of one size: CPU of each, and its pause; how it is read when nothing is asked for."""

    gigabytes: float
    objects: int
    cpu_seconds: list[float]
    pauses_ms: list[float]
    chosen: str

    @property
    def microseconds_an_object(self) -> list[float]:
        """Return CPU µs for each live object, one figure a look."""
        return [1e6 * seconds / self.objects for seconds in self.cpu_seconds]

    @property
    def pause_ms_a_gigabyte(self) -> list[float]:
        """Return the pause for each GB of live heap, one figure a look."""
        return [pause / self.gigabytes for pause in self.pauses_ms]


def run(go: GoToolchain, folder: Path, runs: int, *, sizes_gb: Sequence[float] = SIZES_GB) -> Result:
    """Look into one service of each size, with a forked copy and then as the default has it."""
    binary, version = build_lab(go)
    grown = [_look(binary, folder, size, runs) for size in sizes_gb]
    rows = [
        ("live heap, GB", "objects", "CPU µs an object", "pause, ms", "pause, ms a GB", "by default, 200 ms")
    ]
    rows += [
        (
            f"{each.gigabytes:.2f}", f"{each.objects:,}", spread(each.microseconds_an_object),
            spread(each.pauses_ms), spread(each.pause_ms_a_gigabyte), each.chosen,
        )
        for each in grown
    ]  # fmt: skip
    words = (
        f"Lab service `{_SCENARIO}` at rest ({version}), whole processes of `mapmedic heap PID --snapshot "
        f"fork --json`; n = {runs} looks at each size. Last, which way `--max-pause 200` chooses and the pause it made."
    )
    return Result("How an inventory grows with the heap", words, tuple(rows), _bars(grown))


def _look(binary: Path, folder: Path, size_gb: float, runs: int) -> Grown:
    entries = int(size_gb * 1e9 / _BYTES_AN_ENTRY)
    with LabService(binary, Scenario(_SCENARIO, entries=entries, rate=0), _ENVIRONMENT) as service:
        forked = [
            _once(service, folder, "--snapshot", "fork", "--max-pause", str(_NO_LIMIT_MS))
            for _ in range(runs)
        ]
        _, default = _once(service, folder)
    first = forked[0][1]
    return Grown(
        first["heap_bytes"] / 1e9,
        first["heap_objects"],
        [cpu for cpu, _ in forked],
        [snapshot["pause_ms"] for _, snapshot in forked],
        f"{default['mode']}, {default['pause_ms']:.1f} ms",
    )


def _once(service: LabService, folder: Path, *options: str) -> tuple[float, dict[str, float]]:
    """Return (CPU seconds, what the inventory says of its snapshot)."""
    with tempfile.NamedTemporaryFile(dir=folder) as answer:
        cost = cost_of(
            [str(MAPMEDIC), "heap", str(service.pid), "--json", *options], stdout=Path(answer.name)
        )
        snapshot: dict[str, float] = json.loads(Path(answer.name).read_bytes())["snapshot"]
    return cost.cpu_seconds, snapshot


def _bars(grown: Sequence[Grown]) -> tuple[Bar, ...]:
    def growth(figure: str) -> float:
        first, last = (statistics.median(getattr(each, figure)) for each in (grown[0], grown[-1]))
        return last / first

    return tuple(
        Bar(
            f"{words}, largest heap beside the smallest", growth(figure), _FLAT, at_least=False, unit=" times"
        )
        for words, figure in (
            ("CPU an object", "microseconds_an_object"),
            ("pause a GB", "pause_ms_a_gigabyte"),
        )
    )
