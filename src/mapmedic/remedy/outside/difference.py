"""What two looks at the entries of one map differ in, by hashes of them: 16 bytes for each entry are kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.entry_texts import EncodedEntries, Words

# Odd, so that what stands there for the second time has another number (Knuth's multiplier).
_NEXT = np.uint64(0x9E3779B97F4A7C15)


@dataclass(slots=True)
class Hashes:
    """Of each entry in its order: a hash of the key, and one of key and value."""

    _keys: list[Words] = field(default_factory=list)
    _wholes: list[Words] = field(default_factory=list)

    def add(self, encoded: EncodedEntries) -> None:
        """Append those of ``encoded``."""
        self._keys.append(encoded.key_hashes)
        self._wholes.append(encoded.hashes)

    @property
    def keys(self) -> Words:
        """Return the hashes of keys, different ones for keys that are there twice (NaN)."""
        return _told_apart(self._keys)

    @property
    def wholes(self) -> Words:
        """Return the hashes of entries, different ones for those that are there twice."""
        return _told_apart(self._wholes)


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """By number, of the later entries: those that are ``new`` in any way, and which earlier one each was (-1: none).

    ``gone``: numbers of earlier entries that no later one stands for.
    """

    new: NDArray[np.intp]
    was: NDArray[np.intp]
    gone: NDArray[np.intp]


def compare(before: Hashes, after: Hashes) -> Difference:
    """Return how ``after`` differs from ``before``."""
    old, now = before.wholes, after.wholes
    new = np.flatnonzero(~np.isin(now, old))
    left = np.flatnonzero(~np.isin(old, now))
    if not len(new) or not len(left):
        return Difference(new, np.full(len(new), -1), left)
    new_keys, left_keys = after.keys[new], before.keys[left]
    order = np.argsort(left_keys)
    place = np.minimum(np.searchsorted(left_keys[order], new_keys), len(left) - 1)
    was = np.where(left_keys[order][place] == new_keys, left[order][place], -1)
    return Difference(new, was, np.setdiff1d(left, was))


def _told_apart(parts: list[Words]) -> Words:
    """Return ``parts`` as one, with what stands there again made different, alike for equal counts."""
    whole = np.concatenate(parts) if parts else np.empty(0, dtype="<u8")
    order = np.argsort(whole, kind="stable")
    in_order = whole[order]
    if not len(whole) or not (in_order[1:] == in_order[:-1]).any():
        return whole
    starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
    counts = np.diff(np.append(starts, len(whole)))
    rank = np.arange(len(whole)) - np.repeat(starts, counts)
    apart = whole.copy()
    apart[order] = in_order + rank.astype("<u8") * _NEXT
    return apart
