"""The bytes of a map whose types nobody knows as JSON, piece by piece, where ``EntryTexts`` has entries."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.entry_texts import EncodedEntries, Words
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.raw_parts import RawPart, RawShape, Role, find_raw_parts, swiss_arrays
from mapmedic.memory.reader import Memory
from mapmedic.model.inventory import MapInstance
from mapmedic.model.units import MIB

RAW_SCHEMA = "mapmedic.raw_entries/1"
# Of one piece; and what its JSON has beside them.
_PIECE_BYTES, _WORDS_BYTES = MIB, 256
# A map may have grown since it was looked at; what lies about its size ends here.
_GROWN, _MOST_MORE = 16, 64 * MIB
_ROLES = tuple(Role)
_SIZE_BITS = 32


class RawTexts:
    """Finds and encodes what ``map_`` of ``heap`` is made of; ``unit_bytes`` is the size of a group or bucket.

    ``is_exact``: that size is its type's; otherwise it is the largest that its arrays have room for.
    """

    key_type = value_type = None
    is_raw, batch = True, 16

    def __init__(self, heap: GoHeap, map_: MapInstance, *, redacted: bool = False) -> None:
        self._address, self._redacted = map_.address, redacted
        layout, self._row = heap.runtime.layout, _row(heap, map_.address)
        most_bytes = map_.shallow_bytes * _GROWN + _MOST_MORE
        known = heap.types.size(
            self._row["bucket_type"] or heap.types.bucket_type(self._row["map_type"] or self._row["sized_as"])
        )
        self.is_exact = known is not None
        # With the least unit all sizes are too small, and where arrays begin is right.
        least = RawShape(layout.swiss, layout.map_header_bytes, 8, most_bytes)
        unit = known[0] if known else _room_for_one(heap, map_.address, least) if layout.swiss else 0
        self._shape = RawShape(layout.swiss, layout.map_header_bytes, unit, most_bytes)

    def places(self, memory: Memory) -> tuple[Words, Words]:
        """Return the pieces in ``memory``: where each lies, its bytes and what part it is of as one word.

        HeapUnreadable where not all parts can be found.
        """
        parts = find_raw_parts(memory, self._address, self._shape)
        pieces = [(at, _word(part, size)) for part in parts for at, size in _pieces(part)]
        table = np.array(pieces, dtype="<u8").reshape(-1, 2)
        return table[:, 0].copy(), table[:, 1].copy()

    def frame_bytes(self, _memory: Memory, _addresses: Words, words: Words) -> int:
        """Return how many bytes the pieces take when they are encoded."""
        sizes = words & np.uint64((1 << _SIZE_BITS) - 1)
        kept = 0 if self._redacted else int(sizes.sum()) * 4 // 3
        return kept + _WORDS_BYTES * len(words)

    def encode(self, memory: Memory, addresses: Words, words: Words) -> EncodedEntries:
        """Return these pieces of ``memory``."""
        frames, ends, keys, wholes, unreadable = bytearray(), [], [], [], 0
        for address, word in zip(addresses.tolist(), words.tolist(), strict=True):
            raw = memory.read(address, word & ((1 << _SIZE_BITS) - 1))
            unreadable += raw is None
            payload = json.dumps(self._facts(address, word, raw)).encode()
            frames += len(payload).to_bytes(4, "big") + payload
            ends.append(len(frames))
            keys.append(_hash(address.to_bytes(8, "little")))
            wholes.append(_hash(address.to_bytes(8, "little"), word.to_bytes(8, "little"), raw or b""))
        columns = [np.array(each, dtype="<u8") for each in (ends, keys, wholes)]
        return EncodedEntries(bytes(frames), columns[0], columns[1], columns[2], 0, unreadable)

    def _facts(self, address: int, word: int, raw: bytes | None) -> dict[str, object]:
        role = _ROLES[word >> _SIZE_BITS]
        is_array = role in (Role.GROUPS, Role.BUCKETS, Role.OLD_BUCKETS, Role.OVERFLOW)
        left_out = "unreadable" if raw is None else "redacted" if self._redacted else None
        return {
            "schema": RAW_SCHEMA, "part": role.value, "address": f"{address:#x}",
            "bytes": word & ((1 << _SIZE_BITS) - 1),
            "unit_bytes": self._shape.unit_bytes if is_array else None,
            "unit_is_exact": self.is_exact if is_array else None,
            "base64": base64.b64encode(raw).decode() if raw is not None and left_out is None else None,
            "left_out": left_out,
        }  # fmt: skip


def _room_for_one(heap: GoHeap, address: int, least: RawShape) -> int:
    """Return the most bytes that a group can have: each array of them has the room that the allocator gave it."""
    most = []
    for array, count in swiss_arrays(heap.memory, address, least):
        found = heap.survey.object_at(array)
        if found is None:
            raise HeapUnreadable(f"groups of a map at {array:#x}, where the heap has no object")
        most.append((found[0] + found[1] - array) // count)
    return min(most, default=0) & ~7


def _row(heap: GoHeap, address: int) -> dict[str, int]:
    at = int(np.nonzero(heap.maps["address"] == np.uint64(address))[0][0])
    return {name: int(column[at]) for name, column in heap.maps.items()}


def _pieces(part: RawPart) -> list[tuple[int, int]]:
    """Return (address, bytes) of each: whole groups or buckets, where it has any."""
    step = _PIECE_BYTES // part.unit_bytes * part.unit_bytes if part.unit_bytes else _PIECE_BYTES
    starts: Sequence[int] = range(0, part.bytes, step)
    return [(part.address + start, min(step, part.bytes - start)) for start in starts]


def _word(part: RawPart, size: int) -> int:
    return _ROLES.index(part.role) << _SIZE_BITS | size


def _hash(*parts: bytes) -> int:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")
