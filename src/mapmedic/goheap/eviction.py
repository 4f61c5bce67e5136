"""Turn chosen entries of a map into the changes that take them out, a batch at a time, in a stop.

What was chosen was chosen a while ago: each entry is looked at again, and left where anything is not as it was. The
changes of one batch belong together: ``eviction_changes`` has their order.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.eviction_changes import changes_of
from mapmedic.goheap.eviction_now import MOVED, BatchNow
from mapmedic.goheap.eviction_plan import Chosen, EvictionPlan
from mapmedic.goheap.map_walk import SLOTS
from mapmedic.memory.reader import ReadPlaces
from mapmedic.model.change import Change
from mapmedic.model.safe_moment import Hindrance, Unsafe

_WORD = 8
_TOMBSTONES = 35
IN_USE = "somebody stands on it: an iterator, or code between a look and its use"


@dataclass(frozen=True, slots=True)
class Batch:
    """What takes a batch out: ``changes`` in their order, ``gone`` the entries, and how many are ``left``, and why.

    ``was``: (address, bytes) of their slots, keys that are not written over too: a slot that is free may be used again.
    """

    changes: tuple[Change, ...]
    gone: tuple[Chosen, ...]
    left: tuple[tuple[str, int], ...]
    was: tuple[tuple[int, bytes], ...]


def evict_batch(
    read: ReadPlaces, plan: EvictionPlan, header: bytes, rows: Sequence[Chosen], held: NDArray[np.uint64]
) -> Batch | Unsafe:
    """Return what takes ``rows`` of ``plan`` out of the map whose ``header`` is so now.

    ``held``: the words of all stacks and registers, in any order. Nothing is written. Unsafe where the map says of
    itself what cannot be.
    """
    now = BatchNow(read, plan, header, rows)
    left: Counter[str] = Counter()
    stay = _stood_on(now, rows, held)
    taken: dict[int, list[Chosen]] = {}
    for row, in_use in zip(rows, stay.tolist(), strict=True):
        why = MOVED if not now.is_in_place(row.part) else now.why_not(row) or (IN_USE if in_use else "")
        if why:
            left[why] += 1
        else:
            taken.setdefault(row.part, []).append(row)
    gone = tuple(each for own in taken.values() for each in own)
    made = [changes_of(now, plan.parts[part], own) for part, own in taken.items()]
    if None in made or plan.shape.entries(header) < len(gone):
        why = f"what the map at {plan.address:#x} says of how many entries it has does not fit those that are in it"
        return Unsafe(Hindrance.NOT_A_MAP, why)
    changes = [change for each in made if each for change in each[0]]
    if gone:
        changes += _counted(plan, header, len(gone), sum(each[1] for each in made if each))
    was = tuple(each for row in gone for each in now.slot(row))
    return Batch(tuple(changes), gone, tuple(left.items()), was)


def _stood_on(now: BatchNow, rows: Sequence[Chosen], held: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return for each row whether one of the words ``held`` leads into its slot, or to what lies beside the slot."""
    words, stores = np.unique(held), now.plan.stores
    stands = np.zeros(len(rows), dtype=bool)
    base = np.array([row.group for row in rows], dtype="<u8")
    places = np.array([stores.places(slot) for slot in range(SLOTS)], dtype="<u8")
    slots = np.array([row.slot for row in rows], dtype=np.int64)
    for which, beside_bytes in enumerate(stores.beside_bytes):
        low, high = (base + places[slots, which, edge] for edge in range(2))
        stands |= _leads_into(words, low, high)
        if beside_bytes:
            starts = (place - group for place, group in zip(low.tolist(), base.tolist(), strict=True))
            beside = np.array(
                [now.word(row.group, at) for row, at in zip(rows, starts, strict=True)], dtype="<u8"
            )
            stands |= _leads_into(words, beside, beside + np.uint64(beside_bytes))
    return stands


def _leads_into(
    words: NDArray[np.uint64], low: NDArray[np.uint64], high: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Return for each [low, high) whether one of the sorted ``words`` is in it."""
    inside: NDArray[np.bool_] = np.searchsorted(words, high) > np.searchsorted(words, low)
    return inside


def _counted(plan: EvictionPlan, header: bytes, gone: int, tombstones: int) -> tuple[Change, ...]:
    """Return what the header is to say of it: how many are left, and that there may be tombstones."""
    new = bytearray(header)
    struct.pack_into("<Q", new, 0, plan.shape.entries(header) - gone)
    if tombstones and plan.counts_tombstones:
        new[_TOMBSTONES] = 1
    end = _TOMBSTONES // _WORD * _WORD + _WORD if tombstones and plan.counts_tombstones else _WORD
    return Change(plan.address, header[:end], bytes(new[:end])).by_page
