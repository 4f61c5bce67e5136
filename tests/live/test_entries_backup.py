"""What was saved of a map, as of its write, against what the program itself did (lab/livefix has one writer here).

MAPMEDIC_GO=all pytest -n0 tests/live/test_entries_backup.py     # Go 1.21 to 1.27 instead of the machine's own
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mapmedic import api
from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import parse_target
from mapmedic.errors import UsageError
from mapmedic.goheap.entry_choice import choose_entries
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.safe_moment import watch_map
from mapmedic.memory.process import started_ticks
from mapmedic.model.inventory import Limits, MapInstance
from mapmedic.model.journal import Reached
from mapmedic.remedy.conditions import parse_condition
from mapmedic.remedy.journal import Journal
from mapmedic.remedy.outside.act import Job, act
from mapmedic.remedy.outside.entries_backup import EntriesBackup
from mapmedic.remedy.outside.evict import Eviction
from mapmedic.remedy.outside.reset import HeaderReset
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_outside import PATIENT, lock_of
from tests.live.test_stacks import toolchains
from tests.support.command import validate
from tests.support.livefix_program import Livefix, build_livefix

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
ENTRIES = 2_000
BITS = (1 << 64) - 1
ONE_WRITER = ("--writers", "1", "--deleters", "0", "--readers", "1", "--rate", "500", "--gc-every", "20ms")
State = dict[int, int]


@pytest.fixture(scope="module", params=toolchains(), ids=lambda go: go.version)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go: GoToolchain = request.param
    yield build_livefix(go, tmp_path_factory.mktemp("livefix"), "-ldflags=-s -w")


def mixed(n: int) -> int:
    """The finaliser of splitmix64, as lab/livefix/entries.go has it."""
    n = (n + 0x9E3779B97F4A7C15) & BITS
    n = ((n ^ n >> 30) * 0xBF58476D1CE4E5B9) & BITS
    n = ((n ^ n >> 27) * 0x94D049BB133111EB) & BITS
    return n ^ n >> 31


def states_of_the_writer() -> Iterator[State]:
    """Number of the key -> number of its last write, after each thing that the writer does (lab/livefix/writer.go)."""
    state = {number: number + 1 for number in range(ENTRIES)}
    serial = ENTRIES
    while True:
        yield state
        serial += 1
        dice = mixed(serial << 16 & BITS)
        key = (dice >> 8) % ENTRIES
        if dice % 16 == 0:
            state.pop(key, None)
        else:
            serial += 1
            state[key] = serial


def is_what_the_writer_had(saved: State) -> bool:
    last = max(saved.values())
    for state in states_of_the_writer():
        if state == saved:
            return True
        if max(state.values(), default=0) > last:
            return False
    raise AssertionError("unreachable")


def state_of(kind: str, lines: Iterator[str]) -> State:
    found = {}
    for line in lines:
        entry = json.loads(line)
        key, value = entry["key"], entry["value"]
        number = (
            int(key.removeprefix("key-"))
            if isinstance(key, str)
            else key.get("Number")
            if isinstance(key, dict)
            else key
        )
        found[number] = (
            value[1] if kind == "int-ledger" else value.get("Write", value.get("Record", {}).get("Write"))
        )
    return found


@pytest.mark.parametrize("kind", ["session-desk", "int-ledger", "generic-cache", "wide-archive"])
def test_what_was_saved_is_what_the_program_had_at_the_write(
    program: Path, kind: str, tmp_path: Path
) -> None:
    with Livefix(program, kind, "--entries", str(ENTRIES), *ONE_WRITER) as service:
        pid = service.process.pid
        heap, inventory, _ = capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))
        (place,) = service.get("truth")["kinds"][kind]["places"]
        map_ = next(each for each in inventory.maps if each.address == place["map"])
        backup = EntriesBackup(heap, map_, limits=Limits(max_pause_ms=5_000.0))
        journal = Journal(tmp_path, kind)
        journal.write("outside.planned", pid=pid)
        backup.save(journal)
        service.wait_for(lambda stats: stats["kinds"][kind]["writes"] > 300)
        service.post("begin")
        watch = watch_map(heap, map_.address, (lock_of(place),))
        job = Job(pid, started_ticks(pid), watch, HeaderReset(watch), backup.remember, backup.written)
        done = act(job, PATIENT)
        journal.write("outside.written", entries=done.entries)
        found = backup.save_difference(journal)
        journal.close()
        assert found.is_exact and found.changed > 0, found.why
        assert service.process.poll() is None
    saved = state_of(kind, api.export_entries(journal.path))
    assert len(saved) == done.entries
    assert is_what_the_writer_had(saved)
    assert api.show_journal(journal.path).reached is Reached.INTERRUPTED  # nobody looked at the memory
    assert state_of(kind, api.export_entries(journal.path.with_suffix(".entries"))) == saved
    # Without the difference it is not.
    journal.path.with_suffix(".difference.entries").rename(tmp_path / "elsewhere")
    assert state_of(kind, api.export_entries(journal.path.with_suffix(".entries"))) != saved


def untyped(heap: GoHeap, map_: MapInstance) -> GoHeap:
    """As a heap in which nothing tells the type of ``map_``: of a classic one the sizes are told all the same."""
    row = int(np.nonzero(heap.maps["address"] == np.uint64(map_.address))[0][0])
    columns = {name: column.copy() for name, column in heap.maps.items()}
    columns["sized_as"][row] = columns["sized_as"][row] or columns["map_type"][row]
    columns["map_type"][row] = columns["bucket_type"][row] = 0
    return replace(heap, maps=columns)


def ledger_of(lines: Iterator[str]) -> State:
    """Read a map[int64][4]uint64 out of its bytes, as src/internal/runtime/maps and src/runtime/map.go lay it out."""
    parts: dict[str, dict[int, bytes]] = {}
    for line in lines:
        piece = json.loads(line)
        validate(piece)
        parts.setdefault(piece["part"], {})[int(piece["address"], 16)] = base64.b64decode(piece["base64"])
    found, joined = {}, {}
    for table in parts.get("table", {}).values():
        groups, mask = struct.unpack_from("<QQ", table, 16)
        for number in range(mask + 1):
            joined[groups + number * 328] = 328
    classic = [
        each for name in ("old_buckets", "buckets", "overflow") for each in parts.get(name, {}).items()
    ]
    for start, raw in classic:
        joined |= {start + at: 336 for at in range(0, len(raw), 336)}
    whole = sorted(
        each
        for name in ("groups", "buckets", "old_buckets", "overflow")
        for each in parts.get(name, {}).items()
    )
    for address, size in joined.items():
        raw = b"".join(part[max(0, address - at) : address - at + size] for at, part in whole
                       if at < address + size and address < at + len(part))  # fmt: skip
        assert len(raw) == size
        for slot in range(8):
            holds = raw[slot] < 0x80 if size == 328 else raw[slot] >= 5
            key, elem = (8 + 40 * slot, 16 + 40 * slot) if size == 328 else (8 + 8 * slot, 72 + 32 * slot)
            if holds:
                found[struct.unpack_from("<q", raw, key)[0]] = struct.unpack_from("<4Q", raw, elem)[1]
    return found


@pytest.mark.parametrize("redacted", [False, True])
def test_of_a_map_of_no_known_type_its_own_bytes_are_saved(
    program: Path, redacted: bool, tmp_path: Path
) -> None:
    kind = "int-ledger"
    with Livefix(program, kind, "--entries", str(ENTRIES), *ONE_WRITER) as service:
        pid = service.process.pid
        typed, inventory, _ = capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))
        (place,) = service.get("truth")["kinds"][kind]["places"]
        map_ = next(each for each in inventory.maps if each.address == place["map"])
        heap = untyped(typed, map_)
        backup = EntriesBackup(heap, map_, redacted=redacted, limits=Limits(max_pause_ms=5_000.0))
        planned, journal = backup.plan(tmp_path), Journal(tmp_path, kind)
        journal.write("outside.planned", pid=pid)
        saved = backup.save(journal)
        assert planned.is_raw and saved.is_raw and saved.bytes < planned.estimate_bytes
        service.wait_for(lambda stats: stats["kinds"][kind]["writes"] > 300)
        service.post("begin")
        watch = watch_map(typed, map_.address, (lock_of(place),))
        job = Job(pid, started_ticks(pid), watch, HeaderReset(watch), backup.remember, backup.written)
        done = act(job, PATIENT)
        journal.write("outside.written", entries=done.entries)
        found = backup.save_difference(journal)
        journal.close()
        assert found.is_exact and found.changed > 0, found.why
        assert service.process.poll() is None
    assert Path(saved.path).stat().st_mode & 0o777 == 0o600
    assert any("no type was known" in each for each in api.show_journal(journal.path).cannot_tell)
    with pytest.raises(UsageError, match="raw bytes"):
        api.export_entries(journal.path, as_csv=True)
    lines = list(api.export_entries(journal.path))
    if redacted:
        assert {json.loads(line)["left_out"] for line in lines} == {"redacted"}
        assert {json.loads(line)["base64"] for line in lines} == {None}
        return
    state = ledger_of(iter(lines))
    assert len(state) == done.entries and is_what_the_writer_had(state)
    journal.path.with_suffix(".difference.entries").rename(tmp_path / "elsewhere")
    assert ledger_of(api.export_entries(journal.path.with_suffix(".entries"))) != state


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("session-desk", "key regex 77$"),
        ("wide-archive", "key.Number equals 7"),
        ("int-ledger", "key equals 7"),
    ],
)
def test_of_entries_that_go_one_by_one_those_are_saved_and_no_others(
    program: Path, kind: str, condition: str, tmp_path: Path
) -> None:
    # A guardian holds the process, so no copy is made in the stop: one after it has to come before a collection.
    with Livefix(program, kind, "--entries", str(ENTRIES), *ONE_WRITER, "--gc-every", "0") as service:
        pid = service.process.pid
        heap, inventory, _ = capture_heap(parse_target(f"pid:{pid}"), Limits(max_pause_ms=5_000.0))
        (place,) = service.get("truth")["kinds"][kind]["places"]
        map_ = next(each for each in inventory.maps if each.address == place["map"])
        way = Eviction(choose_entries(heap, map_.address, [parse_condition(condition)], 0))
        backup = EntriesBackup(heap, map_, limits=Limits(max_pause_ms=5_000.0), only=way)
        journal = Journal(tmp_path, kind)
        journal.write("outside.planned", pid=pid)
        assert backup.save(journal).entries == len(way.plan.chosen) > 0
        service.wait_for(lambda stats: stats["kinds"][kind]["writes"] > 300)
        service.post("begin")
        watch = replace(watch_map(heap, map_.address, (lock_of(place),)), minds_iterators=False)
        done = act(Job(pid, started_ticks(pid), watch, way, backup.remember, backup.written), PATIENT)
        journal.write("outside.written", entries=done.entries)
        found = backup.save_difference(journal)
        journal.close()
        assert found.is_exact, found.why
        assert found.gone == len(way.plan.chosen) - len(way.went)
    saved = state_of(kind, api.export_entries(journal.path))
    assert len(saved) == len(way.went) and all(number % 10 == 7 for number in saved)
    assert any(saved.items() <= state.items() for state in islice(states_of_the_writer(), 20_000))
