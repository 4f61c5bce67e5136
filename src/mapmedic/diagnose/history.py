"""The same records at several moments, and what their change is worth.

A heap profile is a picture of a finished GC (src/runtime/mprof.go), so captures between which NumGC did
not move are one picture, and time is counted from GC to GC (``pictures``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapmedic.diagnose.pictures import Picture, distinct_pictures
from mapmedic.model.heap import HeapProfile
from mapmedic.model.observation import Capture

Columns = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

# Where the sampler saw everything the error is zero; beyond this a figure says nothing more.
_MOST_SIGMAS = 1000.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How a set of records changed between the first and the last picture.

    ``uncertainty_bytes`` is one standard deviation of ``bytes`` from the profile's own sampling.
    ``retained_share``: what is still there of what was allocated in the window (None: nothing was).
    ``bytes_made``, ``objects_made``: about how much was allocated in the window; ``bytes_given``: the same with
    the copies that growing arrays are moved to counted once; ``bytes_kept``: what of it is still held.
    ``steps``: the change of bytes from each picture to the next.
    """

    bytes: float
    uncertainty_bytes: float
    seconds: float
    retained_share: float | None
    bytes_made: float
    bytes_given: float
    bytes_kept: float
    objects_made: float
    steps: tuple[float, ...]

    @property
    def intervals(self) -> int:
        """Return how many intervals between pictures there are."""
        return len(self.steps)

    @property
    def rising(self) -> int:
        """Return in how many intervals the bytes rose."""
        return sum(step > 0 for step in self.steps)

    @property
    def bytes_per_second(self) -> float:
        """Return the mean rate over the window."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def sigmas(self) -> float:
        """Return the growth in standard deviations, at most 1000."""
        if self.bytes == 0:
            return 0.0
        least = abs(self.bytes) / _MOST_SIGMAS
        return self.bytes / max(self.uncertainty_bytes, least)

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

    @property
    def gained(self) -> Columns:
        """Return record -> bytes gained between the first and the last picture."""
        gained: Columns = self.inuse_bytes[-1] - self.inuse_bytes[0]
        return gained

    def growth(self, records: Indices | None = None, remade: Columns | None = None) -> Growth:
        """Return the change of ``records`` (all of them by default).

        ``remade``: record -> bytes that have to be allocated for each byte of growth, 1 by default; an array
        that is copied into a larger one is allocated whole each time, and that is not churn.
        """
        chosen = np.arange(len(self.heap.stacks)) if records is None else records
        series = self.inuse_bytes[:, chosen].sum(axis=1)
        allocs = self.sampled_allocs[-1, chosen] - self.sampled_allocs[0, chosen]
        kept = self.sampled_inuse[-1, chosen] - self.sampled_inuse[0, chosen]
        unit, unsure = self._unit(chosen)
        made = unit * allocs if remade is None else unit * allocs / remade
        allocated, held = float(made.sum()), float((unit * kept).sum())
        return Growth(
            bytes=float(series[-1] - series[0]),
            uncertainty_bytes=self._deviation(chosen, allocs, kept),
            seconds=float(self.at[-1]),
            retained_share=min(1.0, held / allocated) if allocated > 0 else None,
            bytes_made=float((unit * allocs).sum()),
            bytes_given=allocated,
            bytes_kept=held,
            objects_made=float((allocs / np.maximum(1.0 - unsure, 1e-12)).sum()),
            steps=tuple(np.diff(series).tolist()),
        )

    def objects_gained(self, records: Indices) -> tuple[float, float]:
        """Return how many more objects of ``records`` there are at the end, and one standard deviation of that."""
        _, unsure = self._unit(records)
        stands_for = 1.0 / np.maximum(1.0 - unsure, 1e-12)
        gained = self.sampled_inuse[-1, records] - self.sampled_inuse[0, records]
        variance = np.abs(gained) * stands_for * np.maximum(stands_for - 1.0, 0.0)
        return float((gained * stands_for).sum()), float(variance.sum() ** 0.5)

    def _deviation(self, chosen: Indices, allocs: Columns, kept: Columns) -> float:
        """Return one standard deviation of the growth of ``chosen``, in bytes.

        Only objects on one side of the window add doubt: those made in it that are still there, and those
        there before it that are gone. What was made and freed within it cancels out, sampled or not. Each is
        a binomial count; an object far larger than the sampling rate is seen for certain.
        """
        unit, unsure = self._unit(chosen)
        freed = np.maximum(allocs - kept, 0)
        crossing = np.minimum(np.maximum(allocs, 0), self.sampled_inuse[-1, chosen])
        crossing += np.minimum(freed, self.sampled_inuse[0, chosen])
        variance = float((unit**2 * unsure * crossing).sum())
        one_object = float((unit * unsure).max(initial=0.0))
        return max(float(variance**0.5), one_object)

    def _unit(self, records: Indices) -> tuple[Columns, Columns]:
        """Return for each record the bytes one sampled object stands for, and the share that is guesswork."""
        heap = self.heap
        unit = heap.alloc_bytes[records] / np.maximum(heap.sampled_allocs[records], 1)
        seen = np.divide(heap.object_bytes[records], unit, out=np.zeros_like(unit), where=unit > 0)
        return unit, 1.0 - np.clip(seen, 0.0, 1.0)


def build_history(captures: Sequence[Capture]) -> History | None:
    """Return the history of the last heap profile in ``captures``, which are of one process, oldest first.

    None where there is no heap profile.
    """
    pictures = distinct_pictures(captures)
    if not pictures:
        return None
    last = pictures[-1].heap
    index = {key: record for record, key in enumerate(last.keys)}
    places = [_places(picture, index) for picture in pictures]

    def aligned(columns: Sequence[npt.NDArray[np.generic]]) -> Columns:
        return np.stack([_aligned(c, p, len(last.keys)) for c, p in zip(columns, places, strict=True)])

    return History(
        heap=last,
        at=np.array([picture.seconds - pictures[0].seconds for picture in pictures]),
        inuse_bytes=aligned([picture.heap.inuse_bytes for picture in pictures]),
        sampled_inuse=aligned([picture.heap.sampled_inuse for picture in pictures]),
        sampled_allocs=aligned([picture.heap.sampled_allocs for picture in pictures]),
    )


def _places(picture: Picture, index: dict[bytes, int]) -> Indices:
    """Return record of ``picture`` -> the same record in the last one, -1 where it has none."""
    return np.array([index.get(key, -1) for key in picture.heap.keys], dtype=np.int64)


def _aligned(column: npt.NDArray[np.generic], places: Indices, count: int) -> Columns:
    """Return ``column`` in the order of the last profile's records; a record not there yet counts as 0."""
    out = np.zeros(count)
    known = places >= 0
    np.add.at(out, places[known], column[known].astype(np.float64))
    return out
