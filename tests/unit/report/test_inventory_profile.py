"""An inventory as a profile: it adds up to the live heap, and go tool pprof reads it."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from mapmedic.formats.pprof import parse_profile
from mapmedic.model.inventory import Inventory
from mapmedic.report.inventory_profile import inventory_profile
from tests.support.inventories import a_map, inventory

OUTER = a_map("main.tenants", 3, retained_bytes=9_000_000)
INNER = [a_map(f'main.tenants["a.{i}]"].items', 1_000, address=0xD000 + 48 * i) for i in range(3)]
NESTED = inventory(OUTER, *INNER, a_map("main.c", 500, address=0xE000), rest_bytes=0)


def sums(seen: Inventory) -> dict[tuple[str, ...], int]:
    profile = parse_profile(inventory_profile(seen, "0"))
    starts = profile.stack_start.tolist()
    found: dict[tuple[str, ...], int] = {}
    for sample, (begin, end) in enumerate(pairwise(starts)):
        names = tuple(
            profile.function_names[profile.line_function[at]] for at in profile.stack[begin:end].tolist()
        )
        found[names[::-1]] = found.get(names[::-1], 0) + int(profile.values[sample][1])
    return found


def test_maps_in_a_map_are_counted_once_and_all_is_the_live_heap() -> None:
    held = sums(NESTED)
    inner = sum(each.retained_bytes or 0 for each in INNER)
    assert held[("main.tenants",)] == 9_000_000 - inner
    tenant = 'main.tenants["a.1]"]'
    assert held[("main.tenants", tenant, f"{tenant}.items")] == INNER[1].retained_bytes
    assert sum(held.values()) == NESTED.snapshot.heap_bytes
    assert held[("(other)",)] == inner  # the heap of this made-up process counts the inner ones twice


def test_it_never_adds_up_to_more_than_there_is() -> None:
    nameless = [a_map("map at", 1_000, address=0xD000 + 48 * i, path=None, declared=None) for i in range(9)]
    tight = inventory(*nameless, rest_bytes=-5_000_000)
    assert sum(sums(tight).values()) == tight.snapshot.heap_bytes
    assert list(sums(inventory(rest_bytes=7))) == [("(other)",)]
    assert sums(inventory(rest_bytes=0)) == {}


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go here")
def test_go_tool_pprof_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "p.pb.gz"
    path.write_bytes(inventory_profile(NESTED, "0"))
    for view in ("-top", "-peek=tenants", "-tree", "-traces", "-comments"):
        done = subprocess.run(
            ["go", "tool", "pprof", view, str(path)], capture_output=True, text=True, timeout=60, check=True
        )
        assert "main.tenants" in done.stdout or view == "-comments"
    top = subprocess.run(
        ["go", "tool", "pprof", "-top", "-cum", "-unit=B", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert f"of {NESTED.snapshot.heap_bytes}B total" in top
