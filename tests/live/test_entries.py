"""What is in a map, beside what the program itself says of it: every kind of key and value, every Go version."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import parse_target
from mapmedic.goheap.entries import take_entries
from mapmedic.goheap.heap import GoHeap
from mapmedic.goheap.map_paths import take_holders
from mapmedic.goheap.names import GlobalNames
from mapmedic.model.inventory import Inventory, Limits, MapInstance, SnapshotMode
from mapmedic.report.entries_json import entries_json
from mapmedic.report.holders_tree import holders_json
from mapmedic.report.json_output import dump
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_heap import PATIENCE_MS
from tests.support.command import run, validate
from tests.support.toolchains import EVERY, classic_toolchains, minor, toolchains

pytestmark = pytest.mark.live
PROGRAM = Path(__file__).parent / "entries_program"


def builds() -> list[tuple[GoToolchain, bool]]:
    """Return what to build with, and whether stripped: Go up to 1.21 writes no type beside an object to tell maps by.

    Where the cache has a Go of the older design of maps, the newest such is tried as well.
    """
    older = [] if EVERY else [(go, True) for go in classic_toolchains() if minor(go) > 21]
    return [(go, stripped) for go in toolchains() for stripped in (False, True) if minor(go) > 21] + older


KINDS = (
    "Strings", "Sessions", "ByID", "Bytes", "Floats", "UUIDs", "Points", "WideKeys", "Wides", "Mixed", "Pointers",
    "Chans", "Slices", "Raw", "Errors", "Maps", "Complex", "Durations", "Named", "Cycles", "Empty", "Growing",
    "Larger", "Thinned", "Arrays", "WidePtrs",
)  # fmt: skip


@dataclass(frozen=True)
class Service:
    pid: int
    stripped: bool
    truth: dict[str, dict[str, Any]]
    paths: dict[str, int]
    syncs: list[list[Any]]
    heap: GoHeap
    inventory: Inventory
    names: GlobalNames | None

    def entries(self, name: str) -> dict[str, Any]:
        # Stripped there is no variable's name. The maps within a map are declared as it is: the outer one is meant.
        named = [m for m in self.inventory.maps if m.declared == f"main.Holder.{name}"]
        (map_,) = [m for m in named if m.type == self.truth[name]["type"]]
        return self.entries_of(map_)

    def entries_of(self, map_: MapInstance) -> dict[str, Any]:
        taken = take_entries(self.heap, self.inventory, map_, 100_000, time.time_ns())
        found: dict[str, Any] = json.loads(dump(entries_json(taken)))
        validate(found)
        return found


def build(go: GoToolchain, *, stripped: bool, folder: Path) -> Path:
    out = folder / f"entries-{go.version}-{stripped}"
    subprocess.run(
        [go.path, "build", *(["-ldflags=-s -w"] if stripped else []), "-o", str(out), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "0"}, check=True, timeout=300,
    )  # fmt: skip
    return out


@pytest.fixture(scope="module", params=builds(), ids=lambda b: f"{b[0].version}{'-stripped' if b[1] else ''}")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    go, stripped = request.param
    program = build(go, stripped=stripped, folder=tmp_path_factory.mktemp("entries"))
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        truth = json.loads(process.stdout.readline())
        assert process.stdout.readline() == "READY\n"
        heap, inventory, names = capture_heap(
            parse_target(f"pid:{process.pid}"), Limits(SnapshotMode.FORK, PATIENCE_MS)
        )
        yield Service(
            process.pid, stripped, truth["maps"], truth["paths"], truth["syncs"], heap, inventory, names
        )
        process.stdin.close()


def in_order(pairs: list[list[Any]]) -> list[list[Any]]:
    return sorted(pairs, key=lambda pair: json.dumps(pair, sort_keys=True))


@pytest.mark.parametrize("name", KINDS)
def test_every_entry_is_as_the_program_says(name: str, service: Service) -> None:
    truth, found = service.truth[name], service.entries(name)
    contents = found["contents"]
    assert (contents["key_type"], contents["value_type"]) == (truth["key_type"], truth["value_type"])
    assert contents["live"] == contents["looked_at"] == found["map"]["entries"] == truth["entries"]
    pairs = [[entry["key"], entry["value"]] for entry in contents["entries"]]
    assert in_order(pairs) == in_order(truth["pairs"] or [])
    assert found["notes"] == []


def test_every_kind_that_the_program_has_is_asked_for(service: Service) -> None:
    assert set(service.truth) == set(KINDS)


def test_tenants_and_ages_are_found(service: Service) -> None:
    contents = service.entries("Sessions")["contents"]
    (by_tenant, *_) = contents["groupings"]
    expected = Counter(key.split(":")[0] + ":" for key, _ in service.truth["Sessions"]["pairs"])
    assert {group["name"]: group["entries"] for group in by_tenant["groups"]} == expected
    ages = {each["field"]: each for each in contents["ages"]}
    assert {field: each["unit"] for field, each in ages.items()} == {
        ".LastSeen": "time.Time",
        ".Created": "unix s",
    }
    created = sorted(time.time() - value["Created"] for _, value in service.truth["Sessions"]["pairs"])
    assert ages[".Created"]["oldest_seconds"] == pytest.approx(created[-1], abs=60)
    assert ages[".Created"]["newest_seconds"] == pytest.approx(created[0], abs=60)
    assert ages[".LastSeen"]["over_an_hour"] == pytest.approx(len(created) / 2, abs=2)


def test_the_command(service: Service) -> None:
    owner = next(m for m in service.inventory.maps if m.declared == "main.Holder.Sessions").owner
    words = ("heap", service.pid, "--max-pause", int(PATIENCE_MS), "--entries")
    shown = run(*words, owner, "--limit", 2)
    assert "tenant-3:" in shown.out
    assert "LastSeen" in shown.out
    hidden = run(*words, owner, "--redact", "--json")
    assert hidden.json["contents"]["live"] == 5000
    assert "tenant-" not in hidden.out
    strings = next(m for m in service.inventory.maps if m.declared == "main.Holder.Strings")
    escaped = run(*words, hex(strings.address))
    assert "\\x1b[31m" in escaped.out
    assert "\x1b[31m" not in escaped.out
    assert run(*words, "no.such.map").code == run(*words, "Holder.Maps").code == 2


def test_paths_say_the_keys_of_the_maps_on_the_way(service: Service) -> None:
    """Each of these maps has as many entries as no other; stripped there is no variable to begin with."""
    by_entries = {map_.entries: map_ for map_ in service.inventory.maps}
    found = {path: by_entries[entries].path for path, entries in service.paths.items()}
    if service.stripped:
        assert set(found.values()) == {None}
    else:
        assert found == {path: path for path in service.paths}
        declared = {by_entries[entries].declared for entries in service.paths.values()}
        assert declared == {"main.Tenant.items", "main.Shard.m", "main.byID"}


def test_a_sync_map_is_read_in_both_designs(service: Service) -> None:
    # Stripped only its count says which is meant.
    (map_,) = [
        m for m in service.inventory.maps
        if m.design in ("sync.Map", "hashtrie") and (m.path == "main.small" or (service.stripped and m.entries == 3))
    ]  # fmt: skip
    found = service.entries_of(map_)
    pairs = [[entry["key"], entry["value"]] for entry in found["contents"]["entries"]]
    assert in_order(pairs) == in_order(service.syncs)
    assert (len(pairs), found["notes"]) == (3, [])


def test_who_holds_a_map_and_who_else(service: Service) -> None:
    entries = service.paths['main.store.byName["n"].items']
    map_ = next(m for m in service.inventory.maps if m.entries == entries)
    held = json.loads(dump(holders_json(take_holders(service.heap, service.inventory, map_, service.names))))
    validate(held)
    retained = [step["retained_bytes"] for step in held["steps"]]
    assert retained == sorted(
        retained, reverse=True
    )  # who holds the map alone holds what it retains, and more
    assert held["steps"][-1]["type"] == map_.type
    assert (held["others"], held["others_count"]) == ([], 0)
    shared = next(m for m in service.inventory.maps if m.entries == service.paths['main.tenants["a"].items'])
    both = take_holders(service.heap, service.inventory, shared, service.names)
    assert both.others_count == 1
    if not service.stripped:
        assert held["root"] == "main.store"
        assert [step["name"] for step in held["steps"]][-2:] == [map_.path, map_.path]
        assert both.root == "main.tenants"
        assert [each.name for each in both.others] == [f"main.deep{'.next' * 12}.tenant"]
