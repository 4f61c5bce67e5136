"""What we would store for a delete, against what the runtime's own delete stored in the same map (lab/deletes).

MAPMEDIC_GO=all pytest -n0 tests/live/test_deletes.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mapmedic.errors import UsageError
from mapmedic.goheap.entry_choice import choose_entries
from mapmedic.goheap.eviction import IN_USE, Batch, evict_batch
from mapmedic.goheap.eviction_plan import Chosen, EvictionPlan
from mapmedic.goheap.header_reset import HeaderShape
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.map_walk import Chain, Occupied, walk_map
from mapmedic.goheap.safe_moment import watch_map
from mapmedic.goheap.slot_stores import EMPTY_GROUP, SlotStores
from mapmedic.goheap.slots import SlotTypes, slot_types
from mapmedic.goheap.values import Decoder
from mapmedic.memory.process import started_ticks
from mapmedic.memory.reader import Memory, Place
from mapmedic.memory.snapshot import read_process
from mapmedic.model.change import PAGE, Change
from mapmedic.model.go_values import Boxed, GoValue, Plain, Pointer, Said, Struct, Text
from mapmedic.model.inventory import Limits
from mapmedic.model.safe_moment import Unsafe
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.outside.act import Job, Patience, act
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.reset import HeaderReset
from mapmedic.source.toolchain import GoToolchain
from tests.support.deletes_program import Deletes, build_deletes
from tests.support.toolchains import toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
LIMITS = Limits(max_pause_ms=5_000.0)
NOBODY = np.empty(0, dtype="<u8")
# Small maps; one table or some buckets, of which some overflow; several tables. None of them grows at these.
SIZES = (7, 90, 3_000)


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: go.version)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go: GoToolchain = request.param
    yield build_deletes(go, tmp_path_factory.mktemp("deletes"))


@pytest.fixture(scope="module")
def asked(program: Path) -> Iterator[tuple[Deletes, GoHeap]]:
    with Deletes(program, 300) as service:
        yield service, survey_heap(read_process(service.process.pid, LIMITS))


@pytest.fixture(scope="module")
def big(program: Path) -> Iterator[tuple[Deletes, GoHeap]]:
    with Deletes(program, 3_000) as service:
        yield service, survey_heap(read_process(service.process.pid, LIMITS))


class Overlay:
    """Memory as it was, with changes made to it: a twin of the process."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self._new = memory, dict[int, int]()

    def read(self, places: list[Place] | tuple[Place, ...]) -> list[bytes | None]:
        return [self._at(*place) for place in places]

    def _at(self, address: int, size: int) -> bytes | None:
        raw = self._memory.read(address, size)
        if raw is None:
            return None
        return bytes(self._new.get(address + at, byte) for at, byte in enumerate(raw))

    def make(self, plan: EvictionPlan, rows: tuple[Chosen, ...]) -> int:
        header = self._at(plan.address, plan.shape.size_bytes)
        assert header is not None
        batch = evict_batch(self.read, plan, header, rows, NOBODY)
        assert isinstance(batch, Batch) and not batch.left
        for change in batch.changes:
            assert change.address // PAGE == (change.address + len(change.new) - 1) // PAGE
            self.change(change)
        return len(batch.gone)

    def change(self, change: Change) -> None:
        assert self._at(change.address, len(change.old)) == change.old
        self._new.update((change.address + at, byte) for at, byte in enumerate(change.new))


def types_of(heap: GoHeap, address: int) -> SlotTypes:
    row = int(np.flatnonzero(heap.maps["address"] == address)[0])
    map_type, bucket = (int(heap.maps[name][row]) for name in ("map_type", "bucket_type"))
    found = slot_types(heap.ways.descriptors, map_type, bucket)
    assert found is not None
    return found


def walked(heap: GoHeap, memory: Memory, address: int) -> Occupied:
    shape = HeaderShape.of(heap.runtime.layout)
    return walk_map(memory, address, shape.size_bytes, types_of(heap, address).layout)


def slots(occupied: Occupied) -> set[tuple[int, int]]:
    return set(zip(occupied.group.tolist(), occupied.slot.tolist(), strict=True))


def plan_of(heap: GoHeap, address: int, occupied: Occupied, gone: set[tuple[int, int]]) -> EvictionPlan:
    rows = zip(occupied.part.tolist(), occupied.group.tolist(), occupied.slot.tolist(), strict=True)
    chosen = tuple(Chosen(part, group, slot, ()) for part, group, slot in rows if (group, slot) in gone)
    stores = SlotStores.of(heap.types, types_of(heap, address))
    assert stores is not None
    shape, minor = HeaderShape.of(heap.runtime.layout), heap.runtime.build.minor
    return EvictionPlan(address, shape, stores, occupied.header, occupied.parts, chosen, minor >= 25)


def structure(occupied: Occupied, stores: SlotStores) -> list[Place]:
    """Where all of the map's own words lie but its seed, which a map that becomes empty is given anew."""
    width, places = stores.layout.group_bytes, []
    for part in occupied.parts:
        if isinstance(part, Chain):
            places += [(bucket, width) for bucket in part.buckets]
        else:
            places += [(part.groups, part.count * width)] + ([(part.address, 32)] if part.address else [])
    return places


def compare(heap: GoHeap, address: int, before: Occupied, after: Memory) -> int:
    """Delete on the bytes of before what went meanwhile, in two batches; return how many entries that were."""
    gone = slots(before) - slots(walked(heap, after, address))
    plan = plan_of(heap, address, before, gone)
    twin, half = Overlay(heap.memory), len(plan.chosen) // 2
    done = twin.make(plan, plan.chosen[:half]) + twin.make(plan, plan.chosen[half:])
    seed = slice(12, 16) if not plan.stores.layout.swiss else slice(8, 16)
    ours, theirs = (
        bytearray(twin.read([(address, plan.shape.size_bytes)])[0] or b""),
        bytearray(after.read(address, plan.shape.size_bytes) or b""),
    )
    if int.from_bytes(theirs[:8], "little") == 0:
        ours[seed] = theirs[seed]
    assert ours == theirs
    for at, size in structure(before, plan.stores):
        assert twin.read([(at, size)])[0] == after.read(at, size), f"at {at:#x}"
    return done


@pytest.mark.parametrize("entries", SIZES)
def test_our_stores_are_those_of_the_runtimes_own_delete(program: Path, entries: int) -> None:
    with Deletes(program, entries) as service:
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        before = {kind: walked(heap, heap.memory, at) for kind, at in service.maps.items()}
        for kind in service.maps:
            assert service.tell(f"delete {kind} 3 1") == "ok"
        after = read_process(service.process.pid, LIMITS)
        for kind, address in service.maps.items():
            done = compare(heap, address, before[kind], after)
            assert done == len(range(1, entries, 3)), kind


@pytest.mark.parametrize("kind", ["string-record", "string-string", "any-slice", "int64-int64", "wide-wide"])
def test_a_map_is_whole_after_each_change_of_a_batch(big: tuple[Deletes, GoHeap], kind: str) -> None:
    service, heap = big
    plan = choose_entries(heap, service.maps[kind], [], 0)
    plan = replace(plan, chosen=tuple(row for number, row in enumerate(plan.chosen) if number % 3))
    batch = evict_batch(
        lambda places: [heap.memory.read(*at) for at in places], plan, plan.header, plan.chosen, NOBODY
    )
    assert isinstance(batch, Batch) and batch.gone == plan.chosen
    twin, cut = Overlay(heap.memory), 0
    for change in batch.changes:
        twin.change(change)
        for row in batch.gone:
            if row.group <= change.address < row.group + plan.stores.layout.group_bytes:
                cut += assert_whole(plan, heap.memory, twin, row)
        for part in {row.part for row in batch.gone}:
            where = plan.parts[part]
            if isinstance(where, Chain) and len(where.buckets) > 1:
                assert_nothing_follows(twin, where, plan.stores.layout.group_bytes)
    assert cut > 0, "no group lies on two pages: nothing was asked"


def assert_whole(plan: EvictionPlan, before: Memory, twin: Overlay, row: Chosen) -> bool:
    """It is an entry with its key, and its element or the zero value; or none. Return whether it is in between."""
    (key, key_end), (elem, elem_end) = plan.stores.places(row.slot)
    width = plan.stores.layout.group_bytes
    (now,), then = twin.read([(row.group, width)]), before.read(row.group, width)
    assert now is not None and then is not None
    is_on_two_pages = (row.group + elem) // PAGE != (row.group + elem_end - 1) // PAGE
    is_zero = not any(now[elem:elem_end])
    is_entry = now[row.slot] < 0x80 if plan.stores.layout.swiss else now[row.slot] >= 5
    if is_entry:
        assert now[key:key_end] == then[key:key_end]
        assert now[elem:elem_end] == then[elem:elem_end] or (is_zero and not plan.stores.layout.elem_indirect)
        return now[elem:elem_end] != then[elem:elem_end]
    assert is_zero or is_on_two_pages or plan.stores.layout.elem_indirect
    return now[key:key_end] == then[key:key_end] and any(then[key : key + plan.stores.key_bytes])


def assert_nothing_follows(twin: Overlay, chain: Chain, width: int) -> None:
    tops = b"".join((raw or b"")[:8] for raw in twin.read([(each, width) for each in chain.buckets]))
    if 0 in tops:
        assert not any(tops[tops.index(0) :]), tops


def test_counts_that_cannot_be_are_a_refusal(big: tuple[Deletes, GoHeap]) -> None:
    service, heap = big
    plan = choose_entries(heap, service.maps["string-record"], [], 0)
    rows = tuple(row for row in plan.chosen if row.part == plan.chosen[0].part)[1:]
    described = [part.address for part in plan.parts if not isinstance(part, Chain)]
    lies = [(plan.address, 8, 0), (plan.address, 8, len(rows) - 1)]
    lies += [(at, 2, lie) for at in described[:1] for lie in (0, len(rows) - 1, len(rows))]
    lies += [(at + 4, 2, 0xFFFF) for at in described[:1]]
    for address, size, lie in lies:
        twin = Overlay(heap.memory)
        old = heap.memory.read(address, size) or b""
        twin.change(Change(address, old, lie.to_bytes(size, "little")))
        (header,) = twin.read([(plan.address, plan.shape.size_bytes)])
        refused = evict_batch(twin.read, plan, header or b"", rows, NOBODY)
        assert isinstance(refused, Unsafe) and not refused.hindrance.may_pass, (address, lie)


# 54: classic maps of so many have begun to move their buckets to a larger array, and not come to the end.
CHANGED = (7, 54, 1_500)


def number_of(kind: str, value: GoValue) -> int:
    """The number that the key was made of."""
    if isinstance(value, Boxed | Pointer):
        inner = value.value if isinstance(value, Boxed) else value.to
        assert inner is not None
        return number_of("", inner)
    if isinstance(value, Struct):
        return number_of("", value.fields[0][1])
    if isinstance(value, Said):
        return int(bytes.fromhex(value.text.replace("-", "")).decode(), 16)
    if isinstance(value, Text):
        return int(re.sub(r"\D", "", value.text))
    assert isinstance(value, Plain) and isinstance(value.value, int)
    return value.value // 7 if kind.startswith("int64") else value.value


def numbered(kind: str, heap: GoHeap, plan: EvictionPlan, each: Chosen) -> int:
    slots = types_of(heap, plan.address)
    (key, _), _ = plan.stores.places(each.slot)
    at = each.group + key
    if slots.layout.key_indirect:
        at = heap.memory.word(at) or 0
    return number_of(kind, Decoder(heap.ways.descriptors).value(slots.key, at))


def evict(service: Deletes, kind: str, heap: GoHeap, rest: int | None) -> Eviction:
    """Evict the entries whose number is ``rest`` modulo 3 (None: all) from the running program."""
    address, pid = service.maps[kind], service.process.pid
    plan = choose_entries(heap, address, [], 0)
    if rest is not None:
        own = (each for each in plan.chosen if numbered(kind, heap, plan, each) % 3 == rest)
        plan = replace(plan, chosen=tuple(own))
    watch = replace(watch_map(heap, address, ()), minds_iterators=False)
    way = Eviction(plan)
    done = act(Job(pid, started_ticks(pid), watch, way), Patience(budget_ms=1_000.0))
    assert done.whole and done.entries == way.gone
    return way


@pytest.mark.parametrize("entries", CHANGED)
def test_what_is_evicted_is_gone_and_the_map_goes_on(program: Path, entries: int) -> None:
    with Deletes(program, entries) as service:
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        for kind in service.maps:
            way = evict(service, kind, heap, 1)
            assert (way.gone, way.left) == (len(range(1, entries, 3)), {}), kind
        service.tell("collect string-any")
        for kind in service.maps:
            assert service.tell(f"check {kind} 3 1") == "ok", kind
            assert service.tell(f"exercise {kind}") == "ok", kind


@pytest.mark.parametrize("entries", CHANGED)
def test_a_map_all_of_which_is_evicted_is_an_empty_map_that_keeps_its_room(
    program: Path, entries: int
) -> None:
    with Deletes(program, entries) as service:
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        for kind in service.maps:
            assert evict(service, kind, heap, None).gone == entries
        service.tell("collect string-any")
        after = read_process(service.process.pid, LIMITS)
        for kind, address in service.maps.items():
            assert not len(walked(heap, after, address).slot)
            assert_no_tombstones(heap, after, address)
            assert service.tell(f"check {kind} 1 0") == "ok", kind
            assert service.tell(f"exercise {kind}") == "ok", kind


def assert_no_tombstones(heap: GoHeap, memory: Memory, address: int) -> None:
    for part in walked(heap, memory, address).parts:
        if isinstance(part, Chain):
            continue
        width = types_of(heap, address).layout.group_bytes
        for number in range(part.count):
            assert memory.read(part.groups + number * width, 8) == EMPTY_GROUP
        if part.address:
            used, capacity, growth = memory.words(part.address, "3H") or ()
            assert used == 0 and growth == (capacity - 1 if capacity == 8 else capacity * 7 // 8)


def test_a_map_whose_header_lies_on_two_pages_is_emptied_and_evicted_from(program: Path) -> None:
    with Deletes(program, 300) as service:
        heap, at = survey_heap(read_process(service.process.pid, LIMITS)), service.maps["across"]
        watch, pid = watch_map(heap, at, ()), service.process.pid
        assert at % PAGE + watch.shape.size_bytes > PAGE
        assert evict(service, "across", heap, 1).gone == 100
        assert service.tell("check across 3 1") == "ok"
        done = act(Job(pid, started_ticks(pid), watch, HeaderReset(watch)), Patience(budget_ms=1_000.0))
        assert done.entries == 200
        assert service.tell("check across 1 0") == "ok"
        assert service.tell("exercise across") == "ok"


@pytest.mark.parametrize(
    ("kind", "conditions", "fits"),
    [
        ("string-record", ["key prefix key-000000001"], 10),
        ("string-record", ["key glob *7", "value.Name prefix 1"], 11),
        ("string-record", ["key regex [05]$"], 60),
        ("string-string", ["value equals value 12"], 1),
        ("point-record", ["key.X equals 7"], 1),
        ("point-pointer", ["key.Layer equals layer 3", "value.N equals 10"], 1),
        ("int64-int64", ["key equals 21"], 1),
        ("any-any", ["key prefix any "], 100),
        ("any-any", ["value.Y equals 1"], 100),
        ("wide-wide", ["value.N equals 9"], 1),
        ("pointer-pointer", ["key equals 9"], 1),
        ("aged", ["value.LastSeen older_than 2h"], 300 - 120),
        ("aged", ["value.LastSeen expired"], 299),
        ("aged", ["value.Exp expired"], 101),
    ],
)  # fmt: skip
def test_the_entries_that_fit_are_chosen(
    asked: tuple[Deletes, GoHeap], kind: str, conditions: list[str], fits: int
) -> None:
    service, heap = asked
    where = [parse_condition(each) for each in conditions]
    found = choose_entries(heap, service.maps[kind], where, time.time_ns()).chosen
    assert abs(len(found) - fits) <= (kind == "aged")


@pytest.mark.parametrize(
    ("kind", "condition", "why"),
    [
        ("string-record", "key older_than 1h", "cannot be asked of a string"),
        ("string-record", "value.Nope equals 1", "has no field 'Nope'; it has N, Payload, Name"),
        ("aged", "value.LastSeen.wall equals 1", "has no field"),
        ("aged", "value.LastSeen prefix x", "cannot be asked of a time.Time"),
    ],
)
def test_what_cannot_be_asked_is_said(
    asked: tuple[Deletes, GoHeap], kind: str, condition: str, why: str
) -> None:
    service, heap = asked
    with pytest.raises(UsageError, match=re.escape(why)):
        choose_entries(heap, service.maps[kind], [parse_condition(condition)], 0)


def test_what_changed_since_it_was_chosen_stays(program: Path) -> None:
    """The map is refilled or half deleted between the choice and the stop."""
    with Deletes(program, 300) as service:
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        for kind in ("string-record", "int64-int64", "wide-wide", "any-any"):
            service.tell(f"delete {kind} 3 1")
            gone = evict(service, kind, heap, 1)
            assert gone.gone == 0 and sum(gone.left.values()) == 100
            service.tell(f"exercise {kind}")  # it grows
            rest = evict(service, kind, heap, 0)
            assert rest.gone == 0 and sum(rest.left.values()) == 100
            assert service.tell(f"check {kind} 0 0") == "ok"


@pytest.mark.parametrize("entries", [8, 3_000])
def test_an_entry_that_an_iterator_stands_on_stays_and_the_others_are_not_seen_again(
    program: Path, entries: int
) -> None:
    with Deletes(program, entries) as service:
        for kind in ("string-record", "int64-int64", "wide-wide", "any-any", "pointer-pointer"):
            service.tell(f"range {kind}")
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        for kind in ("string-record", "int64-int64", "wide-wide", "any-any", "pointer-pointer"):
            way = evict(service, kind, heap, None)
            assert (way.gone, way.left) == (entries - 1, Counter({IN_USE: 1})), kind
            assert service.tell(f"end {kind}") == "1", kind
            assert service.tell(f"exercise {kind}") == "ok", kind


@pytest.mark.parametrize("entries", [8, 3_000])
def test_an_iterator_by_reflection_that_was_made_since_the_look_keeps_its_entry(
    program: Path, entries: int
) -> None:
    with Deletes(program, entries) as service:
        heap = survey_heap(read_process(service.process.pid, LIMITS))
        for kind in ("string-record", "int64-int64", "wide-wide", "any-any"):
            service.tell(f"hold {kind}")
            way = evict(service, kind, heap, None)
            assert (way.gone, way.left) == (entries - 1, Counter({IN_USE: 1})), kind
            assert service.tell(f"end {kind}") == "1", kind
            assert service.tell(f"exercise {kind}") == "ok", kind
