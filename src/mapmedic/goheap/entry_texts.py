"""All entries of one map as JSON, one after the other: in the memory it was found in, and in a later one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.goheap.descriptors import ANY, Descriptor, Descriptors, Kind
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.slots import SlotTypes, slot_places, slot_types
from mapmedic.goheap.sync_entries import sync_types, trie_entries, two_map_entries
from mapmedic.memory.reader import Memory
from mapmedic.model.inventory import MapInstance
from mapmedic.model.saved_entries import EntryBounds

Words = NDArray[np.uint64]

_SYNC = frozenset(("sync.Map", "hashtrie"))
# A map may have grown since it was looked at; what lies about its size ends here.
_GROWN, _MOST_SLOTS_MORE = 16, 1 << 20
# By so many entries the size of all is reckoned.
_SAMPLED = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class EncodedEntries:
    """Some entries: ``frames`` (length, JSON), where each ends, and for each a hash of its key and one of the whole.

    ``cut`` and ``unreadable``: how many of them have something that was left out, or that could not be read.
    """

    frames: bytes
    ends: Words
    key_hashes: Words
    hashes: Words
    cut: int
    unreadable: int

    def payload(self, index: int) -> bytes:
        """Return the JSON of one of them."""
        begin = int(self.ends[index - 1]) if index else 0
        return self.frames[begin + 4 : int(self.ends[index])]


class EntryTexts:
    """Finds and encodes the entries of ``map_`` of ``heap``; hashes can be compared within one of these only.

    ``key_type`` is None where nothing in memory tells how its slots lie: there are no places then.
    ``batch``: how many are encoded at a time, some MiB of JSON.
    """

    is_raw, batch = False, 1 << 14

    def __init__(
        self, heap: GoHeap, map_: MapInstance, bounds: EntryBounds, *, redacted: bool = False
    ) -> None:
        self._map = map_
        self._swiss = heap.runtime.layout.swiss
        self._descriptors = Descriptors(heap.types)
        columns = heap.sync_maps if map_.design in _SYNC else heap.maps
        at = int(np.nonzero(columns["address"] == np.uint64(map_.address))[0][0])
        self._row = {name: int(column[at]) for name, column in columns.items()}
        self._slots: SlotTypes | None = None
        key, elem = self._types()
        self.key_type, self.value_type = (each.name if each else None for each in (key, elem))
        self._key = key or ANY
        self._encoder = _native.EntryEncoder(
            self._ask, self._key.address, (elem or ANY).address, asdict(bounds), redacted
        )

    def frame_bytes(self, memory: Memory, keys: Words, elems: Words) -> int:
        """Return how many bytes these entries take when they are encoded, by some of them."""
        every = max(1, len(keys) // _SAMPLED)
        sample = self.encode(memory, keys[::every], elems[::every])
        return int(len(sample.frames) / max(1, len(sample.ends)) * len(keys))

    def places(self, memory: Memory) -> tuple[Words, Words] | None:
        """Return where keys and elements lie in ``memory``; None where not all of them can be found."""
        if self._slots is not None:
            most = self._row["slots"] * _GROWN + _MOST_SLOTS_MORE
            return slot_places(memory, self._map.address, self._slots.layout, slots=most)
        if self.key_type is None:
            return None
        most = self._map.entries * _GROWN + _MOST_SLOTS_MORE
        if self._row["is_trie"]:
            found = trie_entries(memory, self._map.address, self._key, most)
        else:
            found = two_map_entries(memory, self._map.address, most, most, swiss=self._swiss)
        if found is None or found.live == most:
            return None
        return np.array(found.keys, dtype="<u8"), np.array(found.elems, dtype="<u8")

    def encode(self, memory: Memory, keys: Words, elems: Words) -> EncodedEntries:
        """Return the entries whose keys and elements lie at ``keys`` and ``elems`` of ``memory``."""
        frames, rows = self._encoder.encode(memory.image, keys.tobytes(), elems.tobytes())
        ends, of_keys, of_wholes, cut, unreadable = (
            np.frombuffer(rows[name], dtype="<u8")
            for name in ("ends", "key_hashes", "hashes", "cut", "unreadable")
        )
        return EncodedEntries(frames, ends, of_keys, of_wholes, int(cut.sum()), int(unreadable.sum()))

    def _types(self) -> tuple[Descriptor | None, Descriptor | None]:
        if self._map.design in _SYNC:
            return sync_types(self._descriptors, self._row["map_type"] if self._row["is_trie"] else 0)
        self._slots = slot_types(self._descriptors, self._row["map_type"], self._row["bucket_type"])
        return (self._slots.key, self._slots.elem) if self._slots else (None, None)

    def _ask(self, address: int) -> dict[str, Any] | None:
        """Return the type at ``address`` as the encoder wants it."""
        of = ANY if address == ANY.address else self._descriptors.at(address)
        if of is None:
            return None
        inner = slot_types(self._descriptors, address, 0) if of.kind is Kind.MAP else None
        return {
            "kind": int(of.kind), "name": of.name, "size": of.size, "is_direct": of.is_direct,
            "element": of.element, "length": of.length, "methods": of.methods,
            "fields": [(each.name, each.offset, each.type) for each in of.fields],
            "map": (asdict(inner.layout), inner.key.address, inner.elem.address) if inner else None,
        }  # fmt: skip
