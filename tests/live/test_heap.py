"""The inventory of a live process beside the lab's own truth; the process is there afterwards as it was before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario, build_lab
from mapmedic.errors import ProcessUnreadable
from mapmedic.model.inventory import Inventory, MapInstance
from tests.live.aftermath import traces_left
from tests.live.scenarios import truth_of
from tests.support.command import run

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
StartLab = Callable[[Scenario], LabService]
ENTRIES = 20_000
KILLS = int(os.environ.get("MAPMEDIC_KILLS", "12"))
# Nothing of a pause is promised on a machine that runs other tests.
PATIENCE_MS = 5_000.0
# internal/runtime/maps: a Map, and (container/list) a List; maxTableCapacity.
HEADER_BYTES, TABLE_SLOTS = 48, 1024


@pytest.mark.parametrize(
    ("scenario", "owner"),
    [
        ("struct-field", "main.mgr.sessions"),
        ("global-map", "main.cacheMap"),
        ("generic-cache", "main.thumbnails.items"),
        ("emptied-map", "main.inflight.open"),
        ("goroutine-local", None),
    ],
)
def test_entries_slots_and_bytes_are_exact(scenario: str, owner: str | None, start_lab: StartLab) -> None:
    service = start_lab(Scenario(scenario, entries=ENTRIES, rate=0))
    truth = truth_of(service.url)
    found = largest(api.heap(str(service.pid), max_pause_ms=PATIENCE_MS))
    assert_as_in(truth, found)
    assert_in_ram(found)
    assert owner is None or found.owner == owner


def test_what_a_sync_map_retains_is_what_it_holds(start_lab: StartLab) -> None:
    service = start_lab(Scenario("sync-map", entries=ENTRIES, rate=0))
    # Looked at first: who tells the truth walks the map, and leaves pointers into it on a stack. So does a
    # collection at times, whence three looks: what such a word holds as well is not retained by the map alone.
    found = [largest(inventory(service)) for _ in range(3)]
    seen = max(each.retained_bytes or 0 for each in found)
    truth = truth_of(service.url)
    assert_as_in(truth, found[0])
    assert found[0].owner == "main.issuedTokens"
    assert_in_ram(found[0])
    held = truth["shallow_bytes"] + truth["values_bytes"]
    assert seen == pytest.approx(held, rel=0.001)


@pytest.mark.parametrize(
    ("scenario", "owner", "kind", "type_"),
    [
        ("slice-growth", "main.auditLog", "slice", "[]*main.AuditRecord"),
        ("channel-buffer", "main.outbox", "channel", "chan main.eventBatch"),
        ("bounded-lru", "main.pageCache", "object", "main.LRUCache"),
    ],
)
def test_what_is_large_and_no_map_is_named(
    scenario: str, owner: str, kind: str, type_: str, start_lab: StartLab
) -> None:
    seen = inventory(start_lab(Scenario(scenario, entries=ENTRIES, rate=0)))
    first = seen.holders[0]
    assert (first.owner, first.kind, first.type) == (owner, kind, type_)
    assert first.retained_bytes > 0.9 * seen.snapshot.heap_bytes


@pytest.mark.parametrize("scenario", ["struct-field", "huge-values", "sync-map"])
def test_what_a_map_holds_is_blamed_on_nothing_else(scenario: str, start_lab: StartLab) -> None:
    entries = 40 if scenario == "huge-values" else ENTRIES
    assert inventory(start_lab(Scenario(scenario, entries=entries, rate=0))).holders == ()


def test_what_a_map_and_a_list_hold_both_is_shared(start_lab: StartLab) -> None:
    service = start_lab(Scenario("bounded-lru", rate=0))
    seen = inventory(service)
    held = truth_of(service.url)
    found = next(each for each in seen.maps if each.owner == "main.pageCache.items")
    # The pages are the list's too: the map alone has its own structure, without its header, and the list is shared
    # with it, of the same size. Each byte is in one of the two figures.
    assert found.retained_bytes is not None and found.shared_bytes is not None
    assert found.retained_bytes + found.shared_bytes == held["shallow_bytes"] + held["values_bytes"]
    assert HEADER_BYTES <= found.shared_bytes - held["values_bytes"] <= HEADER_BYTES + of_a_table(held)


def test_what_nothing_else_holds_is_not_shared(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    found = largest(inventory(service))
    held = truth_of(service.url)
    assert found.retained_bytes is not None and found.shared_bytes is not None
    all_of_it = held["shallow_bytes"] + held["values_bytes"]
    assert found.retained_bytes + found.shared_bytes == all_of_it - HEADER_BYTES
    # A table that is full has no twice the entries of a usual one.
    assert found.shared_bytes < of_a_table(held) + 2 * held["values_bytes"] / held["capacity"] * TABLE_SLOTS


def of_a_table(truth: dict[str, Any]) -> float:
    """Return the bytes of one table: a word that an insertion left on a stack may hold that besides the map."""
    return float(truth["shallow_bytes"]) / truth["capacity"] * TABLE_SLOTS


def test_the_length_of_a_slice_is_the_truth(start_lab: StartLab) -> None:
    service = start_lab(Scenario("slice-growth", entries=ENTRIES, rate=0))
    truth = truth_of(service.url)
    found = inventory(service).holders[0]
    held = {name: truth[name] for name in ("path", "type", "capacity", "shallow_bytes")}
    assert {name: getattr(found, name) for name in held} == held
    assert found.length == truth["entries"]


def test_what_waits_for_a_finalizer_is_held_by_it(start_lab: StartLab) -> None:
    service = start_lab(Scenario("finalizer-map", entries=ENTRIES, rate=0))
    truth = truth_of(service.url)
    maps = [m for m in inventory(service).maps if m.declared == truth["declared"]]
    assert sum(m.entries for m in maps) == truth["entries"]
    assert sum(m.shallow_bytes for m in maps) == truth["shallow_bytes"]
    assert {m.owner for m in maps} == {part["path"] for part in truth["parts"]}


def test_shards_are_summed_to_the_truth(start_lab: StartLab) -> None:
    service = start_lab(Scenario("sharded-map", entries=ENTRIES, rate=0))
    truth = truth_of(service.url)
    maps = [m for m in inventory(service).maps if m.declared == truth["declared"]]
    assert sum(m.entries for m in maps) == truth["entries"]
    assert sum(m.shallow_bytes for m in maps) == truth["shallow_bytes"]
    assert {m.owner for m in maps} == {f"main.reg.shards[{i}].m" for i in range(len(maps))}


@pytest.mark.parametrize("scenario", ["struct-field", "batch-maps"])  # with pointers, without
def test_a_stripped_program_keeps_types_and_figures(scenario: str) -> None:
    binary, _ = build_lab(stripped=True)
    with LabService(binary, Scenario(scenario, entries=ENTRIES, rate=0)) as service:
        truth = truth_of(service.url)
        assert_as_in(truth, largest(inventory(service)))


@pytest.mark.parametrize("mode", ["freeze", "live"])
def test_the_other_ways_see_the_same_of_a_quiet_service(mode: str, start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=0))
    truth = truth_of(service.url)
    seen = api.heap(str(service.pid), snapshot=mode, max_pause_ms=PATIENCE_MS)
    assert_as_in(truth, largest(seen))
    assert seen.snapshot.mode == mode
    assert (largest(seen).retained_bytes is None) == (mode == "live")


def test_the_command_keeps_its_contract(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    done = run("heap", service.pid, "--max-pause", int(PATIENCE_MS), "--json")
    assert (done.code, done.json["schema"]) == (0, "mapmedic.heap/1")
    shown = run("heap", service.pid, "--max-pause", int(PATIENCE_MS))
    assert "main.mgr.sessions" in shown.out


def test_a_busy_service_stands_still_once_and_loses_no_request(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=5_000))
    for _ in range(5):
        assert largest(inventory(service)).owner == "main.mgr.sessions"
    assert_untouched(service)


def test_what_is_no_go_process_or_none_at_all_is_said() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with pytest.raises(ProcessUnreadable, match="no Go build information"):
            api.heap(str(other.pid), max_pause_ms=PATIENCE_MS)
        assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
    with pytest.raises(ProcessUnreadable, match="no such process"):
        api.heap(str(other.pid))
    assert run("heap", other.pid).code == 3


def test_a_pause_that_would_be_too_long_is_given_up(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=200_000, rate=0))
    with pytest.raises(ProcessUnreadable, match="within a pause"):
        api.heap(str(service.pid), snapshot="freeze", max_pause_ms=1.0)
    assert_untouched(service)


def test_killed_at_any_moment_the_tool_leaves_a_running_service(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=ENTRIES, rate=2_000))
    loop = f"from mapmedic import api\nprint('go', flush=True)\nwhile True: api.heap('{service.pid}', max_pause_ms=5e3)"
    chance = random.Random(1)  # noqa: S311 - when to kill is no secret
    for _ in range(KILLS):
        with subprocess.Popen([sys.executable, "-c", loop], stdout=subprocess.PIPE) as tool:
            assert tool.stdout is not None
            assert tool.stdout.readline() == b"go\n"
            time.sleep(chance.uniform(0, 0.3))
            tool.kill()
        assert_untouched(service)


def inventory(service: LabService) -> Inventory:
    return api.heap(str(service.pid), max_pause_ms=PATIENCE_MS)


def largest(seen: Inventory) -> MapInstance:
    return seen.maps[0]


def assert_as_in(truth: dict[str, Any], found: MapInstance) -> None:
    expected = {
        name: truth[name] for name in ("entries", "capacity", "shallow_bytes", "dead_bytes", "type", "design")
    }
    assert {name: getattr(found, name) for name in expected} == expected


def assert_in_ram(found: MapInstance) -> None:
    """All of it was touched, but for what the allocator rounds up by: at most an eighth of an object.

    A page that holds the end of one object and none of the next (27,264 bytes set aside for 25,608) stays untouched
    until there is a next one, which is for the allocator to say.
    """
    assert found.resident_bytes is not None
    assert 7 / 8 * found.shallow_bytes < found.resident_bytes <= found.shallow_bytes


def assert_untouched(service: LabService) -> None:
    """No thread stands still, nobody traces it, no second copy runs, and it answers."""
    assert traces_left(service.pid, service.url) == []
