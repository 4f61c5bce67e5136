"""What a map is made of: the size of a group or bucket, and what lies beside its slots."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapmedic.goheap.layouts import Layout
from mapmedic.goheap.map_sizes import MAX_INLINE_BYTES, allocated_bytes, rebuilt_bytes
from mapmedic.goheap.types import Types


@dataclass(frozen=True, slots=True)
class MapParts:
    """The size of one group or bucket (None: not known), whether arrays of it have headers, what lies beside a slot."""

    group_bytes: int | None
    header: bool
    indirect_bytes: int

    def dead_bytes(self, layout: Layout, entries: int, structure_bytes: int) -> int | None:
        """Return what of ``structure_bytes`` a map made for ``entries`` would not take; None where nobody knows."""
        if self.group_bytes is None:
            return None
        rebuilt = rebuilt_bytes(
            entries, self.group_bytes, header=self.header, swiss=layout.swiss,
            load=layout.bucket_load, map_header=layout.map_header_bytes,
        )  # fmt: skip
        return max(0, structure_bytes - rebuilt)


@dataclass(frozen=True, slots=True)
class PartsByType:
    """The parts of maps by their types; a program has far fewer types than maps, so each is read once."""

    types: Types
    has_headers: bool
    _known: dict[tuple[int, int], MapParts] = field(default_factory=dict)

    def of(self, map_type: int, bucket_type: int) -> MapParts:
        """Return the parts of maps of ``map_type``, with groups or buckets of ``bucket_type``; 0 is not known."""
        key = (map_type, bucket_type)
        if key not in self._known:
            self._known[key] = self._read(map_type, bucket_type)
        return self._known[key]

    def _read(self, map_type: int, bucket_type: int) -> MapParts:
        types = self.types
        group = types.size(bucket_type or types.bucket_type(map_type))
        if group is None:
            return MapParts(None, header=True, indirect_bytes=0)
        beside = 0
        for part in types.slot_types(map_type):
            size = types.size(part)
            if size is not None and size[0] > MAX_INLINE_BYTES:
                beside += allocated_bytes(size[0], header=self.has_headers and size[1] > 0)
        return MapParts(group[0], self.has_headers and group[1] > 0, beside)
