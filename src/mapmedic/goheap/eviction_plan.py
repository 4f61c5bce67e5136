"""Which entries of a map are to go, where they were, and what says that they are the same still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.map_walk import Part
from mapmedic.goheap.slot_stores import SlotStores
from mapmedic.memory.reader import Memory


@dataclass(frozen=True, slots=True)
class Chosen:
    """One entry that is to go. ``evidence``: (address, bytes) of all that the choice rests on."""

    part: int
    group: int
    slot: int
    evidence: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class EvictionPlan:
    """The map at ``address``, whose ``header`` was so when ``chosen`` (in the order of ``parts``) were chosen.

    ``counts_tombstones``: its header says whether there may be any (from Go 1.25). ``left``: entries that fit and stay
    all the same, by the reason.
    """

    address: int
    shape: HeaderShape
    stores: SlotStores
    header: bytes
    parts: tuple[Part, ...]
    chosen: tuple[Chosen, ...]
    counts_tombstones: bool
    left: tuple[tuple[str, int], ...] = ()

    def places(self, memory: Memory, rows: Sequence[Chosen]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return where the keys and the elements of ``rows`` lie in ``memory``; 0 where that cannot be read."""
        layout = self.stores.layout
        keys = [row.group + layout.key_offset + row.slot * layout.key_stride for row in rows]
        elems = [row.group + layout.elem_offset + row.slot * layout.elem_stride for row in rows]
        if layout.key_indirect:
            keys = [memory.word(at) or 0 for at in keys]
        if layout.elem_indirect:
            elems = [memory.word(at) or 0 for at in elems]
        return np.array(keys, dtype="<u8"), np.array(elems, dtype="<u8")
