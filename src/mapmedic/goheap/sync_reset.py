"""Turn a sync.Map into an empty one: which bytes become which, in both designs.

Nothing is allocated: what the Clear of package sync makes anew is emptied where it lies. The map is whole after
each change. docs/concepts/live-write-safety.md has the argument. Upstream: src/sync/map.go up to Go 1.23 (Map,
readOnly, Clear), src/internal/sync/hashtriemap.go from 1.24 (HashTrieMap, indirect, Clear).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mapmedic.goheap.header_reset import HeaderShape, plan_reset
from mapmedic.goheap.layouts import Layout
from mapmedic.memory.reader import Place, ReadPlaces
from mapmedic.model.change import PAGE, Change
from mapmedic.model.safe_moment import Hindrance, Unsafe

_WORD = 8
# Map: mu, read, dirty, misses. readOnly: m, amended.
_READ, _DIRTY, _MISSES, _TWO_MAPS_BYTES = 8, 16, 24, 32
_READ_ONLY_BYTES, _MOST_MISSES = 16, 1 << 40
# HashTrieMap: inited, initMu, root, keyHash, valEqual, seed. indirect: isEntry, dead, mu, parent, children.
_ROOT, _SEED, _TRIE_BYTES = 16, 40, 48
_NODE_BYTES, _NODE_MUTEX, _CHILDREN = 152, 8, 24
_LOCKED = 1


@dataclass(frozen=True, slots=True)
class SyncShape:
    """How a sync.Map is laid out; ``inner`` is the shape of the two maps inside of the old design."""

    is_trie: bool
    inner: HeaderShape

    @classmethod
    def of(cls, layout: Layout) -> SyncShape:
        """Return it for a version and its experiments."""
        return cls(layout.sync_trie, HeaderShape.of(layout))

    @property
    def size_bytes(self) -> int:
        """Return how large the struct is."""
        return _TRIE_BYTES if self.is_trie else _TWO_MAPS_BYTES

    def seed(self, raw: bytes) -> bytes:
        """Return what every trie draws at random when it is first used; none in the old design, nor before that."""
        return raw[_SEED:_TRIE_BYTES] if self.is_trie and any(raw[_SEED:_TRIE_BYTES]) else b""

    def leads_to(self, raw: bytes) -> tuple[Place, ...]:
        """Return what has to be read beside the struct ``raw``: a trie's root, or the readOnly; none for a new one."""
        (word,) = struct.unpack_from("<Q", raw, _ROOT if self.is_trie else _READ)
        return ((word, _NODE_BYTES if self.is_trie else _READ_ONLY_BYTES),) if word else ()

    def is_empty(self, raw: bytes, behind: bytes | None) -> bool:
        """Tell whether it leads to no entry; ``behind`` is what it leads to."""
        if behind is None:
            return raw[_READ:_MISSES] == bytes(_MISSES - _READ)
        return self.is_trie and not any(behind[_CHILDREN:])

    def hindrance(self, address: int, raw: bytes, behind: bytes | None) -> Unsafe | None:
        """Return what forbids a change: its own mutex is held, or it is no sync.Map. ``behind`` is what it leads to."""
        if not self.is_trie and _is_held(raw):
            # Its holder may be about to put the rest right.
            return Unsafe(Hindrance.LOCKED, "the mutex of the sync.Map itself is held")
        if not (_is_trie(raw, behind) if self.is_trie else _is_two_maps(raw, behind)):
            return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {address:#x} is no sync.Map any more")
        if self.is_trie and behind and _is_held(behind[_NODE_MUTEX:]):
            return Unsafe(Hindrance.LOCKED, "the mutex of the sync.Map's root is held")
        return None


def plan_sync_reset(
    read: ReadPlaces, shape: SyncShape, address: int, raw: bytes
) -> tuple[Change, ...] | Unsafe:
    """Return what empties the sync.Map ``raw`` at ``address``: some changes in their order, none where it is empty.

    ``read`` is of the moment in which it is done. Unsafe where it would not be whole after each of them.
    """
    found = read(shape.leads_to(raw))
    behind = found[0] if found else None
    hindrance = shape.hindrance(address, raw, behind)
    if hindrance is not None:
        return hindrance
    if shape.is_trie:
        return _emptied_root(raw, behind) if behind else ()
    return _emptied_struct(read, shape, address, raw, behind)


def _emptied_root(raw: bytes, node: bytes) -> tuple[Change, ...]:
    """Return the changes that take every child from the root: each is a map of its own, so any order will do."""
    (root,) = struct.unpack_from("<Q", raw, _ROOT)
    return tuple(_cleared(root + _CHILDREN, node[_CHILDREN:]))


def _emptied_struct(
    read: ReadPlaces, shape: SyncShape, address: int, raw: bytes, read_only: bytes | None
) -> tuple[Change, ...] | Unsafe:
    """Return the changes that make it a new one: read and dirty at once, for neither is right without the other."""
    first, dirty = struct.unpack_from("<2Q", raw, _READ)
    if dirty and (address + _DIRTY) % PAGE == 0:
        return _emptied_in_two(read, shape, first, dirty, read_only)
    return tuple(_cleared(address + _READ, raw[_READ:])) if first else ()


def _emptied_in_two(
    read: ReadPlaces, shape: SyncShape, first: int, dirty: int, read_only: bytes | None
) -> tuple[Change, ...] | Unsafe:
    """Return the changes where read and dirty lie on two pages: both are kept, and what they lead to is emptied.

    Everything that read has is in dirty as well: so read's map is taken away first, and nothing is lost by that.
    """
    if read_only is None or not read_only[_WORD]:
        return ()  # dirty is that of a map that was cleared, and not used since
    (header,) = read([(dirty, shape.inner.size_bytes)])
    if header is None:
        return Unsafe(Hindrance.NOT_A_MAP, f"what lies at {dirty:#x} cannot be read")
    if shape.inner.lies_on_two_pages(dirty):
        return Unsafe(
            Hindrance.ON_TWO_PAGES, f"the map at {dirty:#x} inside of it lies on two pages as well as itself"
        )
    emptied = plan_reset(shape.inner, dirty, header)
    return emptied if isinstance(emptied, Unsafe) else (*_cleared(first, read_only[:_WORD]), *emptied)


def _cleared(address: int, old: bytes) -> Iterator[Change]:
    """Yield a change to zeros for each page that ``old`` lies on and is not all zeros."""
    for change in Change(address, old, bytes(len(old))).by_page:
        if any(change.old):
            yield change


def _is_held(mutex: bytes) -> bool:
    """Tell whether somebody has passed Lock: who is woken, or promised the mutex, has not."""
    return bool(int.from_bytes(mutex[:4], "little") & _LOCKED)


def _is_two_maps(raw: bytes, read_only: bytes | None) -> bool:
    if len(raw) != _TWO_MAPS_BYTES:
        return False
    first, dirty, misses = struct.unpack_from("<3Q", raw, _READ)
    if first % _WORD or dirty % _WORD or misses > _MOST_MISSES:
        return False
    if first == 0:
        return bool(dirty == 0)
    if read_only is None:
        return False
    map_, amended = struct.unpack_from("<QB", read_only)
    # What was cleared keeps an empty dirty, and amended is false.
    return bool(amended == 1 or (amended == 0 and (dirty == 0 or map_ == 0)))


def _is_trie(raw: bytes, root: bytes | None) -> bool:
    if len(raw) != _TRIE_BYTES:
        return False
    inited, at = struct.unpack_from("<I12xQ", raw)
    if inited == 0:
        return bool(at == 0)
    # An inner node that is not dead, without a parent.
    return inited == 1 and at % _WORD == 0 and root is not None and root[:8] == bytes(8) == root[16:24]
