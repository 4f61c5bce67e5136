"""What a Go process prints under ``GODEBUG=gctrace=1`` (and ``scavtrace=1``), out of any log it was printed into.

Upstream: src/runtime/mgc.go gcMarkTermination (the format is in the doc comment of src/runtime/extern.go) and
src/runtime/mgcscavenge.go printScavTrace. What a collector of logs puts before a line is passed over, and tells
processes apart. The runtime writes a line in pieces, so another writer's words may stand in the middle of one:
such a line is counted as torn. The ``scvg`` lines of a Go long before 1.21 are counted with the others.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import MAX_BYTES, blaming
from mapmedic.model.gctrace import NOT_PRINTED, GcTrace, Scavenges
from mapmedic.model.units import KIB, MIB

Figures = NDArray[np.float64]

_WHAT = "gctrace log"
MAX_LINES = 2_000_000
MAX_PROCESSES = 10_000
_END = rb'(?=[\s\\"]|\Z)'  # a backslash or quote: the line stands in a JSON string
_MS = rb"(\d{1,15}(?:\.\d{1,3})?)"
_MIB = rb"(\d{1,9})"
# Digits are bounded and every part is followed by a byte it cannot hold: no line is gone over twice.
_CYCLE = re.compile(
    rb"gc (\d{1,10}) @(\d{1,10}\.\d{3})s (\d{1,3})%( \(checking for goroutine leaks\))?: "
    + rb"\+".join([_MS] * 3) + rb" ms clock, "
    + _MS + rb"\+" + _MS + rb"/" + _MS + rb"/" + _MS + rb"\+" + _MS + rb" ms cpu, "
    + rb"->".join([_MIB] * 3) + rb" MB, " + _MIB + rb" MB goal, "
    + rb"(?:" + _MIB + rb" MB stacks, " + _MIB + rb" MB globals, )?(\d{1,6}) P( \(forced\))?" + _END
)  # fmt: skip
_SCAVENGE = re.compile(
    rb"scav (\d{1,12}) KiB work \(bg\), (\d{1,12}) KiB work \(eager\), (\d{1,12}) KiB now, "
    rb"(\d{1,3})% util( \(forced\)| \[controller reset\])?" + _END
)
_BEGUN = re.compile(rb"(?:gc \d{1,10} @|scav \d{1,12} KiB)")
# Dates, times of day and seconds since 1970, as collectors of logs write them.
_TIME = re.compile(
    rb"\d{4}[-/]\d\d[-/]\d\d[T ]?|[A-Z][a-z]{2} [ \d]\d (?=\d\d:)|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    rb"|\b\d{10}(?:[.,]\d{1,9})?\b"
)
_MAX_SOURCE = 512


def _same(column: Figures) -> Figures:
    return column


def _share(column: Figures) -> Figures:
    return column / 100


def _whole(column: Figures) -> NDArray[np.int64]:
    return column.astype(np.int64)


def _mebibytes(column: Figures) -> NDArray[np.int64]:
    return np.where(column < 0, NOT_PRINTED, column * MIB).astype(np.int64)


def _there(column: Figures) -> NDArray[np.bool_]:
    return column > 0


_COLUMNS: dict[str, Callable[[Figures], Any]] = {
    "number": _whole,
    "at_seconds": _same,
    "cpu_share": _share,
    "leak_check": _there,
    "sweep_termination_ms": _same,
    "mark_ms": _same,
    "mark_termination_ms": _same,
    "sweep_termination_cpu_ms": _same,
    "assist_cpu_ms": _same,
    "background_cpu_ms": _same,
    "idle_cpu_ms": _same,
    "mark_termination_cpu_ms": _same,
    "heap_start_bytes": _mebibytes,
    "heap_end_bytes": _mebibytes,
    "live_bytes": _mebibytes,
    "goal_bytes": _mebibytes,
    "stacks_bytes": _mebibytes,
    "globals_bytes": _mebibytes,
    "processors": _whole,
    "forced": _there,
}
"""What each group of _CYCLE becomes."""


def parse_gctrace(data: bytes, *, max_bytes: int = MAX_BYTES) -> GcTrace:
    """Return the GC cycles in a log (gzipped or not). FormatError where there is not one, or far too many."""
    with blaming(_WHAT):
        data = _native.gunzip(data, max_bytes)
    reader = _Reader(data)
    for begun in _BEGUN.finditer(data):
        reader.read(begun.start())
    if not reader.processes:
        raise FormatError(_WHAT, "no line of a gctrace in it", 0)
    return reader.trace()


@dataclass
class _Reader:
    """Collects lines into columns: 20 figures a cycle, 5 a scavenge."""

    data: bytes
    cycles: array[float] = field(default_factory=lambda: array("d"))
    scavenges: array[float] = field(default_factory=lambda: array("d"))
    after: list[int] = field(default_factory=list)
    owners: array[int] = field(default_factory=lambda: array("q"))
    running: dict[bytes, tuple[int, int, float]] = field(default_factory=dict)
    processes: int = 0
    torn_lines: int = 0

    def read(self, start: int) -> None:
        """Take in the line of a trace that begins at ``start``."""
        if len(self.owners) + len(self.after) + self.torn_lines >= MAX_LINES:
            raise FormatError(_WHAT, f"more than {MAX_LINES:,} lines of a trace", start)
        if cycle := _CYCLE.match(self.data, start):
            self.owners.append(self._process(self._source(start), int(cycle[1]), float(cycle[2])))
            self.cycles.extend(map(_figure, cycle.groups()))
        elif scavenge := _SCAVENGE.match(self.data, start):
            *figures, remark = scavenge.groups()
            self.after.append(len(self.owners) - 1)
            self.scavenges.extend([*map(float, figures), remark == b" (forced)"])
        else:
            self.torn_lines += 1

    def _source(self, start: int) -> bytes:
        """Return what stands before the trace in its line, less the time of day."""
        line = self.data.rfind(b"\n", max(0, start - _MAX_SOURCE), start) + 1
        return _TIME.sub(b"", self.data[max(line, start - _MAX_SOURCE) : start]).strip()

    def _process(self, source: bytes, number: int, at: float) -> int:
        """Return whose cycle it is: numbers and times only rise while a process lives."""
        process, last, last_at = self.running.get(source, (-1, 0, 0.0))
        if process < 0 or number <= last or at < last_at:
            if self.processes >= MAX_PROCESSES:
                raise FormatError(_WHAT, f"more than {MAX_PROCESSES:,} processes wrote it")
            process = self.processes
            self.processes += 1
        self.running[source] = (process, number, at)
        return process

    def trace(self) -> GcTrace:
        columns = np.array(self.cycles).reshape(-1, len(_COLUMNS)).T
        cycles = {name: kind(column) for (name, kind), column in zip(_COLUMNS.items(), columns, strict=True)}
        return GcTrace(
            process=np.array(self.owners, dtype=np.int64),
            scavenges=_scavenges(self.after, self.scavenges),
            other_lines=self._other_lines(),
            torn_lines=self.torn_lines,
            **cycles,
        )

    def _other_lines(self) -> int:
        lines = self.data.count(b"\n") + (not self.data.endswith(b"\n"))
        return max(0, lines - len(self.owners) - len(self.after) - self.torn_lines)


def _figure(group: bytes | None) -> float:
    """Return a group as a number: a remark that stands there is 1, what is not printed -1."""
    if group is None:
        return float(NOT_PRINTED)
    return 1.0 if group.startswith(b" (") else float(group)


def _scavenges(after: list[int], figures: array[float]) -> Scavenges:
    background, eager, released, used, forced = np.array(figures).reshape(-1, 5).T
    return Scavenges(
        after_cycle=np.array(after, dtype=np.int64),
        background_bytes=_whole(background * KIB),
        eager_bytes=_whole(eager * KIB),
        released_bytes=_whole(released * KIB),
        used_share=_share(used),
        forced=_there(forced),
    )
