"""Which bytes of a sync.Map become which, on one page and on two, and that each change by itself leaves a whole map."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.sync_reset import SyncShape, plan_sync_reset
from mapmedic.memory.reader import Place
from mapmedic.model.change import Change
from mapmedic.model.safe_moment import Hindrance, Unsafe

PAGE = 4096
CLASSIC = SyncShape(is_trie=False, inner=HeaderShape(False, 48))
TRIE = SyncShape(is_trie=True, inner=HeaderShape(True, 48))
READ_ONLY, DIRTY, ROOT = 0x10_0000, 0x20_0000, 0x30_0000
places = st.integers(min_value=1 << 33, max_value=1 << 36).map(lambda word: word * 8)
# An hmap of 5 entries in 2 buckets.
INNER = struct.pack("<Q2BHI4Q", 5, 0, 1, 0, 7, 0x4000, 0, 0, 0)


class Bytes:
    """Memory of a few objects; what a plan changes can be made and seen."""

    def __init__(self, objects: dict[int, bytes]) -> None:
        self.objects = {at: bytearray(raw) for at, raw in objects.items()}

    def read(self, wanted: list[Place] | tuple[Place, ...]) -> list[bytes | None]:
        found = [self.objects.get(at) for at, _ in wanted]
        return [
            None if raw is None else bytes(raw[:size]) for raw, (_, size) in zip(found, wanted, strict=True)
        ]

    def make(self, change: Change) -> None:
        assert change.address % PAGE + len(change.new) <= PAGE and change.old != change.new
        (at,) = [at for at, raw in self.objects.items() if at <= change.address < at + len(raw)]
        place = slice(change.address - at, change.address - at + len(change.old))
        assert self.objects[at][place] == change.old
        self.objects[at][place] = change.new


def two_maps(address: int, *, mutex: int = 0, amended: int = 1, misses: int = 3, dirty: int = DIRTY) -> Bytes:
    own = struct.pack("<4Q", mutex, READ_ONLY, dirty, misses)
    read_only = struct.pack("<2Q", 0x40_0000 if amended else 0x50_0000, amended)
    return Bytes({address: own, READ_ONLY: read_only, DIRTY: INNER})


def trie(address: int, children: list[int], root: int = ROOT, *, mutex: int = 0, **odd: int) -> Bytes:
    own = struct.pack("<I12x4Q", odd.get("inited", 1), root, 0x1000, 0x2000, 0x1234)
    head = struct.pack("<2I2Q", odd.get("entry", 0), odd.get("dead", 0), mutex, odd.get("parent", 0))
    return Bytes({address: own, root: head + struct.pack("<16Q", *children)})


def plan(memory: Bytes, shape: SyncShape, address: int) -> tuple[Change, ...] | Unsafe:
    (raw,) = memory.read([(address, shape.size_bytes)])
    assert raw is not None
    return plan_sync_reset(memory.read, shape, address, raw)


def contents(memory: Bytes, address: int) -> str:
    """Tell what the old design holds, by the rules that src/sync/map.go writes down beside its fields."""
    _, read, dirty, _ = struct.unpack("<4Q", memory.objects[address])
    map_, amended = struct.unpack("<2Q", memory.objects[read]) if read else (0, 0)
    if not amended:
        assert dirty == 0, "a dirty map that read knows nothing of: what is stored in it is never found"
        return "all" if map_ else "none"
    assert dirty != 0, "a store panics: assignment to entry in nil map"
    return "all" if struct.unpack_from("<Q", memory.objects[dirty])[0] else "none"


@given(places, st.booleans(), st.integers(0, 5))
def test_two_maps_are_whole_after_each_change(address: int, amended: bool, misses: int) -> None:
    dirty = DIRTY if amended else 0
    memory = two_maps(address, amended=int(amended), misses=misses, dirty=dirty)
    changes = plan(memory, CLASSIC, address)
    assert not isinstance(changes, Unsafe)
    assert contents(memory, address) == "all"
    for change in changes:
        memory.make(change)
        contents(memory, address)
    assert contents(memory, address) == "none"


@pytest.mark.parametrize("address", range(2 * PAGE - 40, 2 * PAGE + 8, 8))
def test_two_maps_across_each_edge_of_a_page(address: int) -> None:
    memory = two_maps(address)
    changes = plan(memory, CLASSIC, address)
    assert not isinstance(changes, Unsafe)
    for change in changes:
        memory.make(change)
        contents(memory, address)
    assert contents(memory, address) == "none"
    inner = bytes(memory.objects[DIRTY])
    assert (inner == INNER) == (address != 2 * PAGE - 16)


def test_where_read_and_dirty_lie_on_two_pages_nothing_goes_before_the_last_change() -> None:
    memory = two_maps(PAGE - 16)
    first, last = plan(memory, CLASSIC, PAGE - 16)
    memory.make(first)
    assert (first.address, len(first.new)) == (READ_ONLY, 8) and contents(memory, PAGE - 16) == "all"
    memory.make(last)
    assert contents(memory, PAGE - 16) == "none"


def test_where_the_map_inside_lies_on_two_pages_too_it_is_refused() -> None:
    memory, edge = two_maps(PAGE - 16, dirty=DIRTY + PAGE - 16), DIRTY + PAGE - 16
    memory.objects[edge] = memory.objects.pop(DIRTY)
    planned = plan(memory, CLASSIC, PAGE - 16)
    assert isinstance(planned, Unsafe) and planned.hindrance is Hindrance.ON_TWO_PAGES


def test_a_map_that_was_cleared_and_lies_on_two_pages_is_empty() -> None:
    memory = two_maps(PAGE - 16, amended=0)
    assert isinstance(plan(memory, CLASSIC, PAGE - 16), Unsafe)  # what was read must be gone
    memory.objects[READ_ONLY][:8] = bytes(8)
    assert plan(memory, CLASSIC, PAGE - 16) == ()


def test_the_inner_map_must_be_one_to_be_emptied() -> None:
    memory = two_maps(PAGE - 16)
    memory.objects[DIRTY][9] = 99  # the logarithm of how many buckets there are
    planned = plan(memory, CLASSIC, PAGE - 16)
    assert isinstance(planned, Unsafe) and planned.hindrance is Hindrance.NOT_A_MAP


def test_a_new_one_has_nothing_to_be_taken() -> None:
    assert plan(Bytes({64: bytes(32)}), CLASSIC, 64) == ()
    assert plan(Bytes({64: bytes(48)}), TRIE, 64) == ()


@given(places, st.lists(st.sampled_from([0, 0x70_0000]), min_size=16, max_size=16))
def test_a_trie_loses_the_children_of_its_root_and_nothing_else(root: int, children: list[int]) -> None:
    address = 1 << 40
    memory = trie(address, children, root)
    before = bytes(memory.objects[address]), bytes(memory.objects[root][:24])
    changes = plan(memory, TRIE, address)
    assert not isinstance(changes, Unsafe)
    assert len(changes) <= 2
    for change in changes:
        memory.make(change)
        # Each child is what it was, or none.
        now = struct.unpack_from("<16Q", memory.objects[root], 24)
        assert all(new in (old, 0) for new, old in zip(now, children, strict=True))
    assert memory.objects[root][24:] == bytes(128)
    assert before == (bytes(memory.objects[address]), bytes(memory.objects[root][:24]))


@pytest.mark.parametrize(
    ("memory", "shape", "hindrance"),
    [
        (two_maps(64, mutex=1), CLASSIC, Hindrance.LOCKED),
        (two_maps(64, misses=1 << 50), CLASSIC, Hindrance.NOT_A_MAP),
        (two_maps(64, dirty=DIRTY + 4), CLASSIC, Hindrance.NOT_A_MAP),
        (two_maps(64, amended=2), CLASSIC, Hindrance.NOT_A_MAP),
        (trie(64, [8] * 16, mutex=1), TRIE, Hindrance.LOCKED),
        (trie(64, [8] * 16, entry=1), TRIE, Hindrance.NOT_A_MAP),
        (trie(64, [8] * 16, dead=1), TRIE, Hindrance.NOT_A_MAP),
        (trie(64, [8] * 16, parent=64), TRIE, Hindrance.NOT_A_MAP),
        (trie(64, [8] * 16, inited=0), TRIE, Hindrance.NOT_A_MAP),
        (trie(64, [8] * 16, inited=2), TRIE, Hindrance.NOT_A_MAP),
    ],
)
def test_what_may_not_be_changed_is_left_alone(memory: Bytes, shape: SyncShape, hindrance: Hindrance) -> None:
    planned = plan(memory, shape, 64)
    assert isinstance(planned, Unsafe) and planned.hindrance is hindrance


def test_waiters_that_are_woken_or_promised_the_mutex_have_not_passed_it() -> None:
    for state in (2, 4, 8 | 4, 16):
        assert not isinstance(plan(two_maps(64, mutex=state), CLASSIC, 64), Unsafe)
