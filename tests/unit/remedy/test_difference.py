"""Two looks at the entries of a map, compared by hashes of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic.goheap.entry_texts import EncodedEntries
from mapmedic.remedy.outside.difference import Hashes, compare

Entries = list[tuple[int, int]]


def hashes(entries: Entries) -> Hashes:
    """In two parts, as they come when there are many."""
    found, half = Hashes(), len(entries) // 2
    for part in (entries[:half], entries[half:]):
        keys = np.array([key for key, _ in part], dtype="<u8")
        wholes = np.array([key * 1000 + value for key, value in part], dtype="<u8")
        found.add(EncodedEntries(b"", np.empty(0, dtype="<u8"), keys, wholes, 0, 0))
    return found


def replayed(before: Entries, after: Entries) -> Entries:
    """The earlier entries with the difference applied: what an export does."""
    found = compare(hashes(before), hashes(after))
    dropped = {*found.gone.tolist(), *found.was.tolist()}
    kept = [entry for number, entry in enumerate(before) if number not in dropped]
    return kept + [after[number] for number in found.new.tolist()]


@settings(deadline=None)
@given(
    st.dictionaries(st.integers(0, 30), st.integers(0, 3)),
    st.dictionaries(st.integers(0, 30), st.integers(0, 3)),
)
def test_the_difference_makes_the_later_entries_of_the_earlier(
    before: dict[int, int], after: dict[int, int]
) -> None:
    assert sorted(replayed(list(before.items()), list(after.items()))) == sorted(after.items())
    found = compare(hashes(list(before.items())), hashes(list(after.items())))
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert (found.was >= 0).sum() == len(changed)
    assert {list(before)[number] for number in found.gone} == before.keys() - after.keys()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2))))
def test_keys_that_are_there_twice_are_counted(before: Entries) -> None:
    # NaN is such a key: each insert makes one more.
    after = [*before[1:], (3, 2)]
    assert Counter(replayed(before, after)) == Counter(after)
    assert replayed(before, before) == before
