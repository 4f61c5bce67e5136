"""A heap profile with nothing hidden: every stack complete, every figure unsampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapmedic.model.frames import Frame
from mapmedic.model.memstats import MemStats

Stack = tuple[Frame, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HeapProfile:
    """One heap profile as columns.

    ``stacks``: record -> frames, leaf first. ``keys``: record -> what identifies the same stack and size
    in another profile of the same process. ``object_bytes``: record -> size of one object (0 where the
    profile does not say). ``inuse_bytes``, ``inuse_objects``, ``alloc_bytes``,
    ``alloc_objects``: record -> unsampled estimate. ``sampled_allocs``, ``sampled_inuse``: record -> how many
    objects the sampler really saw (the estimate's error comes from these). ``frames_restored``: whether
    hidden runtime frames were named again; without them no map growth can be seen.
    """

    stacks: tuple[Stack, ...]
    keys: tuple[bytes, ...]
    object_bytes: npt.NDArray[np.int64]
    inuse_bytes: npt.NDArray[np.float64]
    inuse_objects: npt.NDArray[np.float64]
    alloc_bytes: npt.NDArray[np.float64]
    alloc_objects: npt.NDArray[np.float64]
    sampled_inuse: npt.NDArray[np.int64]
    sampled_allocs: npt.NDArray[np.int64]
    frames_restored: bool
    memstats: MemStats | None

    @property
    def total_inuse_bytes(self) -> float:
        """Return the live heap this profile accounts for, in bytes."""
        return float(self.inuse_bytes.sum())


@dataclass(frozen=True, slots=True, eq=False)
class HeapChange:
    """The last heap profile of a window, and what became of its records since the first.

    ``gained_bytes``: record of ``heap`` -> live bytes more than in the first profile (less: negative).
    ``seconds`` lie between the two garbage collections that the profiles show.
    """

    heap: HeapProfile
    gained_bytes: npt.NDArray[np.float64]
    seconds: float


def unnamed_frame(address: int) -> Frame:
    """Return the frame of a PC that nobody could name."""
    return Frame(f"0x{address:x}", restored=True)


def restored_frame(address: int, symbols: Mapping[int, str]) -> Frame:
    """Return the runtime frame whose return address is ``address``.

    The call lies before its return address, so the symbol of ``address - 1`` is the right one where the
    call is the last instruction of its function.
    """
    name = symbols.get(address - 1) or symbols.get(address)
    return Frame(name, restored=True) if name else unnamed_frame(address)
