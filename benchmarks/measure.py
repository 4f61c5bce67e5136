"""What a run of a whole process costs, and how several of them are told: median, range, ratio, bar."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")

DEV_NULL = Path(os.devnull)
# As who installed it has it: Python compiles a module once, not each time.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: wall and CPU seconds, peak memory in bytes.

    Linux counts the memory of whoever started it, before exec, in its peak: it is never below this process's own.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Bar:
    """What was wanted of one figure, and what came out; ``at_least`` or at most ``limit``."""

    what: str
    measured: float
    limit: float
    at_least: bool
    unit: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether the bar was met."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        words = "at least" if self.at_least else "at most"
        verdict = "passed" if self.passed else "MISSED"
        return (
            f"{verdict}: {self.what} {self.measured:.3g}{self.unit}, wanted {words} {self.limit:g}{self.unit}"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark: what was done, the table (its first row is the header) and the bars."""

    title: str
    words: str
    table: tuple[tuple[str, ...], ...] = ()
    bars: tuple[Bar, ...] = ()


def cost_of(command: list[str], *, stdin: Path = DEV_NULL, stdout: Path = DEV_NULL) -> Cost:
    """Run ``command`` and return what it cost; it must succeed."""
    started = time.monotonic()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(stdout), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    child = os.posix_spawnp(command[0], command, _ENVIRONMENT, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return Cost(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def elsewhere(function: Callable[..., Made], *arguments: object) -> Made:
    """Return what ``function`` makes in a process of its own: its memory must not count in the peaks here."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def in_turn(runs: int, *measurements: Callable[[], Cost]) -> list[list[Cost]]:
    """Take each measurement ``runs`` times, A B A B, so that a slow moment of the machine hits all alike."""
    taken: list[list[Cost]] = [[] for _ in measurements]
    for _ in range(runs):
        for costs, measure in zip(taken, measurements, strict=True):
            costs.append(measure())
    return taken


def beside(peer: str, ours: list[Cost], theirs: list[Cost]) -> tuple[tuple[str, ...], ...]:
    """Return the table of two series: one row a figure, medians with their range, the ratio of each pair."""
    rows = [("figure", "mapmedic", peer, "ratio")]
    for name, figure in _FIGURES.items():
        a, b = [figure(cost) for cost in ours], [figure(cost) for cost in theirs]
        rows.append((name, spread(a), spread(b), spread(ratios(b, a))))
    return tuple(rows)


def ratios(dividends: list[float], divisors: list[float]) -> list[float]:
    """Return the ratio of each pair."""
    return [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]


def spread(values: list[float]) -> str:
    """Return the median and the range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def wall(costs: list[Cost]) -> list[float]:
    """Return the wall seconds of each run."""
    return [cost.wall_seconds for cost in costs]


def peak(costs: list[Cost]) -> list[float]:
    """Return the peak memory of each run, in bytes."""
    return [float(cost.peak_bytes) for cost in costs]


_FIGURES: dict[str, Callable[[Cost], float]] = {
    "wall, s": lambda cost: cost.wall_seconds,
    "CPU, s": lambda cost: cost.cpu_seconds,
    "peak memory, MiB": lambda cost: cost.peak_bytes / 2**20,
}
