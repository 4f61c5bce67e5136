"""The records of ``heap?debug=1``: the one answer of a Go process that keeps runtime frames at the leaf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic.model.memstats import MemStats

Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Uint64s = NDArray[np.uint64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeapTotals:
    """Hold the header line: sums over all records, as sampled."""

    inuse_objects: int
    inuse_bytes: int
    alloc_objects: int
    alloc_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class HeapRecords:
    """Hold the records as columns; counts are the raw sampled ones (see ``unsampled``).

    * ``inuse_objects``, ``inuse_bytes``, ``alloc_objects``, ``alloc_bytes`` record -> figure
    * ``stack_start`` record -> where its raw PCs begin in ``stack`` (one more entry than records)
    * ``stack`` -> raw return PC, leaf first, runtime frames included
    * ``frame_start`` record -> where its ``#`` lines begin in the ``frame_`` columns (one more entry)
    * ``frame_pc`` -> PC as printed, the raw PC less one; ``frame_offset`` -> bytes from the function's entry
    * ``frame_function`` -> ``names``; ``frame_file`` -> ``files``; ``frame_line`` -> line (0 where unknown)

    ``sampling_rate_bytes`` is runtime.MemProfileRate, half of what the header prints.
    ``complete`` is False when the text was cut; then ``memstats`` may be None. Arrays are read-only.
    """

    sampling_rate_bytes: int
    totals: HeapTotals
    inuse_objects: Int64s
    inuse_bytes: Int64s
    alloc_objects: Int64s
    alloc_bytes: Int64s
    stack_start: Int64s
    stack: Uint64s
    frame_start: Int64s
    frame_pc: Uint64s
    frame_function: Int32s
    frame_offset: Uint64s
    frame_file: Int32s
    frame_line: Int32s
    names: tuple[str, ...]
    files: tuple[str, ...]
    memstats: MemStats | None
    complete: bool

    @property
    def record_count(self) -> int:
        """Return how many records there are."""
        return len(self.stack_start) - 1

    def stack_of(self, record: int) -> Uint64s:
        """Return the raw return PCs of one record, leaf first."""
        return self.stack[self.stack_start[record] : self.stack_start[record + 1]]

    def frames_of(self, record: int) -> slice:
        """Return where the ``frame_`` columns hold the ``#`` lines of one record."""
        return slice(int(self.frame_start[record]), int(self.frame_start[record + 1]))

    def unsampled(self) -> Unsampled:
        """Estimate what was really allocated from what was sampled."""
        rate = self.sampling_rate_bytes
        alloc_objects, alloc_bytes = unsample(self.alloc_objects, self.alloc_bytes, rate)
        # One record is one size: Go derives it from allocations, which outlive their frees.
        inuse_objects, inuse_bytes = unsample(self.inuse_objects, self.inuse_bytes, rate)
        return Unsampled(inuse_objects, inuse_bytes, alloc_objects, alloc_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class Unsampled:
    """Hold record -> estimated figure, truncated to whole objects and bytes as Go does."""

    inuse_objects: Float64s
    inuse_bytes: Float64s
    alloc_objects: Float64s
    alloc_bytes: Float64s


def unsample(objects: Int64s, sizes: Int64s, rate: int) -> tuple[Float64s, Float64s]:
    """Scale sampled ``objects`` and their ``sizes`` in bytes by 1/(1-exp(-size/rate)), row by row.

    A rate of 1 or less means that everything was recorded: nothing is scaled. The size of a row is
    sizes // objects. Upstream: src/runtime/pprof/protomem.go scaleHeapSample. Floats, because a lying
    profile scales past int64.
    """
    counted = (objects != 0) & (sizes != 0)
    average = np.floor(np.divide(sizes, objects, out=np.zeros(len(objects)), where=counted))
    counted &= average > 0  # a negative size is no size
    ratio = np.where(counted, average, 1.0) / max(rate, 1)
    # Go's own formula, to agree with its binary profile to the byte; where it underflows, its limit.
    chance = 1 - np.exp(-ratio)
    scale = 1 / np.where(chance > 0, chance, ratio) if rate > 1 else np.ones(len(objects))
    real = np.where(counted, objects, 0.0)
    return np.trunc(real * scale), np.trunc(real * average * scale)


def hidden_prefix_lengths(records: HeapRecords) -> Int32s:
    """Return record -> how many raw PCs at the leaf have no ``#`` line.

    Go prints one line for each raw PC and leaves out the leading runtime ones; the first printed PC is
    the raw one less one (or the raw one itself at a function's very entry). A record without any line
    hides its whole stack. See ``mapmedic.formats.heap_text`` for how this was settled.
    """
    depths = np.diff(records.stack_start)
    hidden = depths.copy()
    has_frames = np.diff(records.frame_start) > 0
    first_pc = np.zeros(len(depths), dtype=np.uint64)
    first_pc[has_frames] = records.frame_pc[records.frame_start[:-1][has_frames]]
    owner = np.repeat(np.arange(len(depths)), depths)
    # Unsigned on purpose: raw - printed is 0 or 1 where they belong together, huge everywhere else.
    covered = np.flatnonzero((records.stack - first_pc[owner] <= 1) & has_frames[owner])
    owners, first = np.unique(owner[covered], return_index=True)
    hidden[owners] = covered[first] - records.stack_start[:-1][owners]
    return hidden.astype(np.int32)
