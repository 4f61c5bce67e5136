"""A program with a map of every kind: each is found, with its type and its entries, also where it was stripped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.model.inventory import Inventory, MapInstance
from tests.live.scenarios import ROOT

pytestmark = pytest.mark.live
SOURCE = Path(__file__).with_name("map_zoo")
PATIENCE_MS = 5_000.0


@dataclass(frozen=True, slots=True)
class Animal:
    """The truth about one map; ``path`` is "" where none is promised."""

    type: str
    len: int
    path: str


@dataclass(frozen=True, slots=True)
class Zoo:
    """What the program says of itself beside what was seen of it."""

    animals: tuple[Animal, ...]
    seen: Inventory

    def find(self, animal: Animal) -> MapInstance | None:
        """Return the map that ``animal`` is; None where none has its type and its entries."""
        same = (m for m in self.seen.maps if (m.type, m.entries) == (animal.type, animal.len))
        return next(same, None)


def look_into(binary: Path, *arguments: str) -> Zoo:
    """Run the zoo, look into it, and let it end."""
    with subprocess.Popen(
        [str(binary), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as zoo:
        assert zoo.stdin is not None
        assert zoo.stdout is not None
        animals = tuple(Animal(**each) for each in json.loads(zoo.stdout.readline()))
        seen = api.heap(str(zoo.pid), max_pause_ms=PATIENCE_MS)
        zoo.stdin.close()
    return Zoo(animals, seen)


def build_zoo(go: api.GoToolchain, *, stripped: bool) -> Path:
    """Build the program with ``go`` and return its binary."""
    name = f"map-zoo-{go.version}{'-stripped' if stripped else ''}"
    binary = ROOT / ".cache" / "lab" / name
    flags = ["-ldflags=-s -w"] if stripped else []
    command = [str(go.path), "build", *flags, "-o", str(binary), "."]
    subprocess.run(command, cwd=SOURCE, env=go.environment, check=True, capture_output=True, timeout=300)
    return binary


@pytest.fixture(scope="module", params=["plain", "stripped"])
def zoo(request: pytest.FixtureRequest) -> Iterator[Zoo]:
    """The zoo, built both ways with the machine's own Go."""
    yield look_into(build_zoo(api.find_go("build the zoo"), stripped=request.param == "stripped"))


def test_every_sync_map_is_found_with_its_live_entries(zoo: Zoo) -> None:
    wanted = [each for each in zoo.animals if each.type == "sync.Map"]
    found = [zoo.find(each) for each in wanted]
    assert None not in found
    if not zoo.seen.target.stripped:
        assert [row.path for row in found if row] == [each.path for each in wanted]


def test_the_maps_inside_a_sync_map_are_no_maps_of_their_own(zoo: Zoo) -> None:
    assert not [m for m in zoo.seen.maps if m.type and "*sync.entry" in m.type]


def test_how_much_of_a_map_is_in_ram_is_known_of_every_kind(zoo: Zoo) -> None:
    wide = [m for m in zoo.seen.maps if m.type and "main.wide" in m.type and m.entries]
    assert wide  # its keys, or its elements, lie beside its slots
    for each in zoo.seen.maps:
        assert each.resident_bytes is not None
        assert 7 / 8 * each.shallow_bytes < each.resident_bytes <= each.shallow_bytes, each


def test_no_map_is_said_to_be_what_it_is_not(zoo: Zoo) -> None:
    lengths = {each.len for each in zoo.animals if each.len > len(zoo.animals)}
    said = {(m.entries, m.type) for m in zoo.seen.maps if m.entries in lengths and m.type is not None}
    assert said <= {(each.len, each.type) for each in zoo.animals}


def test_types_are_known_where_anything_tells_them(zoo: Zoo) -> None:
    """Where no object says it and nothing is declared, the code does: a type goes along with each use of a map."""
    assert [each for each in zoo.animals if zoo.find(each) is None] == []
