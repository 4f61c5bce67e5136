"""An inventory as JSON and back: nothing is lost, and what is none is refused with a sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mapmedic.errors import FormatError
from mapmedic.formats.inventory import encode_inventory, inventory_json, parse_inventory
from mapmedic.formats.process_status import parse_resident_bytes
from mapmedic.model.inventory import SnapshotMode
from tests.support.inventories import a_map, inventory

WHOLE = inventory(
    a_map("main.a", 3), a_map("\ud800\x1b", 0, path=None, type=None, dead_bytes=None), waiting=4
)


@pytest.mark.parametrize("mode", SnapshotMode)
def test_what_is_written_reads_back_the_same(mode: SnapshotMode) -> None:
    for each in (WHOLE, replace(WHOLE, goroutines=None, unread=("a", "b"), maps=())):
        seen = replace(each, snapshot=replace(each.snapshot, mode=mode))
        assert parse_inventory(encode_inventory(seen)) == seen


def test_fields_of_another_version_are_left_out_or_take_their_default() -> None:
    value = inventory_json(WHOLE)
    del value["goroutines"], value["snapshot"]["taken_at_unix_ns"], value["maps"][0]["resident_bytes"]
    value["later"] = value["maps"][0]["later"] = [1]
    seen = parse_inventory(json.dumps(value).encode())
    assert (seen.goroutines, seen.snapshot.taken_at_unix_ns, len(seen.maps)) == (None, None, 2)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("schema", "mapmedic.heap/2", "'mapmedic.heap/2', not mapmedic.heap/1"),
        ("maps", {}, "is no list"),
        ("maps", [1], "is no object"),
        ("maps.0.entries", "7", "'7' is no int"),
        ("maps.0.entries", True, "True is no int"),
        ("maps.0.entries", 1 << 80, "no number that a machine has"),
        ("maps.0.entries", None, "None is no int"),
        ("maps.0.owner_kind", "nobody", "is none of global"),
        ("snapshot.pause_ms", float("nan"), "no number"),
        ("snapshot.pause_ms", "x" * 999, "…"),
        ("goroutines.groups.0.frames", 3, "is no list"),
        ("target", None, "None is no object"),
    ],
)
def test_what_is_off_is_refused_by_name(path: str, value: object, why: str) -> None:
    whole = inventory_json(WHOLE)
    *way, last = path.split(".")
    place = whole
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    with pytest.raises(FormatError) as error:
        parse_inventory(json.dumps(whole).encode())
    assert why in str(error.value)
    assert len(str(error.value)) < 200


def test_a_required_field_that_is_missing_is_named() -> None:
    value = inventory_json(WHOLE)
    del value["maps"][1]["entries"]
    with pytest.raises(FormatError, match="it has no entries"):
        parse_inventory(json.dumps(value).encode())


def test_resident_bytes_of_a_status() -> None:
    assert parse_resident_bytes(b"Name:\tx\nVmPeak:\t  9 kB\nVmRSS:\t    1234 kB\n") == 1234 * 1024
    with pytest.raises(FormatError, match="VmRSS"):
        parse_resident_bytes(b"Name:\tx\nState:\tZ (zombie)\n")
