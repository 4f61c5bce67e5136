"""What lies, in a stop, where a batch of entries was chosen: are they what they were, and where they were?"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from mapmedic.goheap.eviction_plan import Chosen, EvictionPlan
from mapmedic.goheap.map_walk import MIN_TOP_HASH, SLOTS, TABLE, VACANT, Chain, Table
from mapmedic.memory.reader import Place, ReadPlaces

_WORD = 8
_DIRECTORY, _B = 16, 9
# What says which array the entries of a classic map are in: B; buckets and oldbuckets.
_ARRAYS = slice(16, 32)
MOVED = "not where it was: the map has grown or was cleared since"
CHANGED = "not what it was: it was written, or deleted, since"


class BatchNow:
    """What lies at the places that a batch concerns, read in the stop, all at once."""

    def __init__(self, read: ReadPlaces, plan: EvictionPlan, header: bytes, rows: Sequence[Chosen]) -> None:
        self.plan, self.header, self.read = plan, header, read
        self._width = plan.stores.layout.group_bytes
        self._found: dict[Place, bytes | None] = {}
        self._placed: dict[int, bool] = {}
        self.fetch(list(self._places(rows)))

    def fetch(self, places: Sequence[Place]) -> None:
        """Read what of ``places`` was not read yet."""
        new = [each for each in dict.fromkeys(places) if each not in self._found]
        self._found.update(zip(new, self.read(new), strict=True))

    def _places(self, rows: Sequence[Chosen]) -> Iterator[Place]:
        for part in dict.fromkeys(row.part for row in rows):
            where = self.plan.parts[part]
            if isinstance(where, Chain):
                yield from ((bucket, self._width) for bucket in where.buckets)
            elif where.place >= 0:
                yield self._directory_place(where)
                yield where.address, TABLE.size
        for row in rows:
            yield row.group, self._width
            yield from ((at, len(raw)) for at, raw in row.evidence)

    def _directory_place(self, table: Table) -> Place:
        (directory,) = struct.unpack_from("<Q", self.plan.header, _DIRECTORY)
        return directory + table.place * _WORD, _WORD

    def group(self, address: int) -> bytes | None:
        """Return the group or bucket at ``address``."""
        return self._found[(address, self._width)]

    def word(self, group: int, at: int) -> int:
        """Return the word ``at`` bytes into the group at ``group``; 0 where that cannot be read."""
        return int.from_bytes((self.group(group) or b"")[at : at + _WORD], "little")

    def slot(self, row: Chosen) -> Iterator[tuple[int, bytes]]:
        """Yield where the key and the element of ``row`` lie in its slot, and the bytes of each."""
        raw = self.group(row.group) or b""
        for start, end in self.plan.stores.places(row.slot):
            yield row.group + start, raw[start:end]

    def table(self, table: Table) -> bytes | None:
        """Return the description of ``table``."""
        return self._found[(table.address, TABLE.size)]

    def is_in_place(self, part: int) -> bool:
        """Tell whether the entries of ``part`` are still where it says."""
        if part not in self._placed:
            where = self.plan.parts[part]
            self._placed[part] = self._is_chain(where) if isinstance(where, Chain) else self._is_table(where)
        return self._placed[part]

    def _is_chain(self, chain: Chain) -> bool:
        then, now = self.plan.header, self.header
        raws = [self.group(bucket) for bucket in chain.buckets]
        if then[_ARRAYS] != now[_ARRAYS] or then[_B] != now[_B] or None in raws:
            return False
        following = [int.from_bytes(raw[-_WORD:], "little") for raw in raws if raw is not None]
        head = raws[0]
        is_moved = head is None or 1 < head[0] < MIN_TOP_HASH
        return not is_moved and following == [*chain.buckets[1:], 0]

    def _is_table(self, table: Table) -> bool:
        then, now = self.plan.header, self.header
        if then[_DIRECTORY : _DIRECTORY + 2 * _WORD] != now[_DIRECTORY : _DIRECTORY + 2 * _WORD]:
            return False
        if table.place < 0:
            return True
        raw = self.table(table)
        if raw is None or self._found[self._directory_place(table)] != struct.pack("<Q", table.address):
            return False
        _, capacity, _, _, index, groups, mask = TABLE.unpack(raw)
        return bool(
            (index, groups, mask + 1, capacity)
            == (table.place, table.groups, table.count, table.count * SLOTS)
        )

    def why_not(self, row: Chosen) -> str:
        """Return why the entry of ``row`` is to stay; "" where it is just what was chosen."""
        raw = self.group(row.group)
        if raw is None:
            return CHANGED
        is_there = raw[row.slot] < VACANT if self.plan.stores.layout.swiss else raw[row.slot] >= MIN_TOP_HASH
        same = all(self._found[(at, len(then))] == then for at, then in row.evidence)
        return "" if is_there and same else CHANGED
