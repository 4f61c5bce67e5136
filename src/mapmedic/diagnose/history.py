"""The same records at several moments, and what their change is worth.

A heap profile is a picture as of the last completed GC (src/runtime/mprof.go), so captures between
which NumGC did not move are one picture, and time is counted from LastGC to LastGC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapmedic.model.heap import HeapProfile
from mapmedic.model.observation import Capture
from mapmedic.model.units import NANOSECONDS_PER_SECOND

Columns = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Growth:
    """How a set of records changed between the first and the last picture.

    ``uncertainty_bytes`` is one standard deviation of ``bytes`` from the profile's own sampling.
    ``retained_share``: what is still there of what was allocated in the window (None: nothing was).
    ``rising``: in how many of ``intervals`` between pictures the bytes rose.
    """

    bytes: float
    uncertainty_bytes: float
    seconds: float
    retained_share: float | None
    rising: int
    intervals: int

    @property
    def bytes_per_second(self) -> float:
        """Return the mean rate over the window."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def sigmas(self) -> float:
        """Return the growth in standard deviations."""
        return self.bytes / self.uncertainty_bytes if self.uncertainty_bytes > 0 else 0.0

    @property
    def uncertainty_per_second(self) -> float:
        """Return one standard deviation of the rate."""
        return self.uncertainty_bytes / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Records of the last heap profile followed back in time.

    ``at``: picture -> seconds since the first. ``inuse_bytes``: picture, record -> unsampled bytes.
    ``sampled_inuse``, ``sampled_allocs``: picture, record -> objects the sampler saw.
    """

    heap: HeapProfile
    at: Columns
    inuse_bytes: Columns
    sampled_inuse: Columns
    sampled_allocs: Columns

    @property
    def moved(self) -> bool:
        """Tell whether a GC completed between two captures, so that there is a slope at all."""
        return len(self.at) > 1 and self.at[-1] > 0

    def growth(self, records: npt.NDArray[np.int64] | None = None) -> Growth:
        """Return the change of ``records`` (all of them by default)."""
        chosen = np.arange(len(self.heap.stacks)) if records is None else records
        series = self.inuse_bytes[:, chosen].sum(axis=1)
        allocs = self.sampled_allocs[-1, chosen] - self.sampled_allocs[0, chosen]
        kept = self.sampled_inuse[-1, chosen] - self.sampled_inuse[0, chosen]
        unit, unsure = self._unit(chosen)
        # Sampled allocations and sampled frees are each Poisson counts; an object larger than the
        # sampling rate is seen for certain and adds no doubt.
        variance = float((unit**2 * unsure * (allocs + np.maximum(allocs - kept, 0))).sum())
        allocated = float((unit * allocs).sum())
        steps = np.diff(series)
        return Growth(
            bytes=float(series[-1] - series[0]),
            uncertainty_bytes=max(variance, float((unit * unsure).max(initial=0.0)) ** 2) ** 0.5,
            seconds=float(self.at[-1]),
            retained_share=float((unit * kept).sum()) / allocated if allocated > 0 else None,
            rising=int((steps > 0).sum()),
            intervals=len(steps),
        )

    def _unit(self, records: npt.NDArray[np.int64]) -> tuple[Columns, Columns]:
        """Return for each record the bytes one sampled object stands for, and the share that is guesswork."""
        heap = self.heap
        unit = heap.alloc_bytes[records] / np.maximum(heap.sampled_allocs[records], 1)
        seen = np.divide(heap.object_bytes[records], unit, out=np.zeros_like(unit), where=unit > 0)
        return unit, 1.0 - np.clip(seen, 0.0, 1.0)


def build_history(captures: Sequence[Capture]) -> History | None:
    """Return the history of the last heap profile in ``captures``, None where there is no heap profile."""
    pictures = _distinct_pictures(captures)
    if not pictures:
        return None
    last = pictures[-1][1]
    index = {key: record for record, key in enumerate(last.keys)}
    first_at = pictures[0][0]
    return History(
        heap=last,
        at=np.array([(at - first_at) / NANOSECONDS_PER_SECOND for at, _ in pictures]),
        inuse_bytes=np.stack(
            [_aligned(heap, heap.inuse_bytes, index, len(last.keys)) for _, heap in pictures]
        ),
        sampled_inuse=np.stack(
            [_aligned(heap, heap.sampled_inuse, index, len(last.keys)) for _, heap in pictures]
        ),
        sampled_allocs=np.stack(
            [_aligned(heap, heap.sampled_allocs, index, len(last.keys)) for _, heap in pictures]
        ),
    )


def _distinct_pictures(captures: Sequence[Capture]) -> list[tuple[int, HeapProfile]]:
    pictures: list[tuple[int, HeapProfile]] = []
    seen: set[int] = set()
    for capture in captures:
        if capture.heap is None:
            continue
        stats = capture.heap.memstats
        if stats is None:
            # Without the footer nobody can tell whether a GC lay between: keep only the latest.
            pictures = [(capture.at, capture.heap)]
        elif stats.num_gc not in seen:
            seen.add(stats.num_gc)
            pictures.append((stats.last_gc_ns or capture.at, capture.heap))
    return pictures


def _aligned(
    heap: HeapProfile, column: npt.NDArray[np.generic], index: dict[bytes, int], records: int
) -> Columns:
    """Return ``column`` in the order of the last profile's records; a record not there yet counts as 0."""
    # Two records may print the same stack and size; both are summed where the later one stands.
    out = np.zeros(records)
    for record, key in enumerate(heap.keys):
        place = index.get(key)
        if place is not None:
            out[place] += float(column[record])
    return out
