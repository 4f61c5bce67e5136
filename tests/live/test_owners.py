"""Maps that only a goroutine or a closure holds, by name; nothing that is garbage counts as held."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.model.inventory import Inventory, MapInstance, OwnerKind
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import PATIENCE_MS
from tests.support.toolchains import toolchains

pytestmark = pytest.mark.live
PROGRAM = Path(__file__).parent / "owner_program"
LOCALIZED = 24
"""The first Go 1.x whose maps can be told on a stack though nothing says their type."""
RUNTIME_OBJECTS_BYTES = 4096

# Entries -> (path, declared, label without symbols); N is the goroutine's number.
OWNERS = {
    1001: ("goroutine N main.local.m", "main.local.m", "goroutine N main.local"),
    1002: ("goroutine N main.field.c.items", "main.cache.items", "goroutine N main.field"),
    1003: (
        "goroutine N main.fieldOfField.s.inner.byKey",
        "main.server.inner.byKey",
        "goroutine N main.fieldOfField",
    ),
    1004: ("goroutine N main.parameter.given", "main.parameter.given", "goroutine N main.parameter"),
    1006: ("closure main.newHandler.func1.kept", "main.newHandler.kept", "closure main.newHandler.func1"),
    1007: (
        "closure main.newResetter.func1.table",
        "main.newResetter.table",
        "closure main.newResetter.func1",
    ),
    1008: (None, None, "closure main.(*cache).lookUp-fm"),
    1009: ("goroutine N main.deepCaller.m", "main.deepCaller.m", "goroutine N main.deepCaller"),
    1010: ("closure main.newNested.func1.1.deep", "main.newNested.deep", "closure main.newNested.func1.1"),
    1011: (
        'closure main.newIndexed.func1.byName["b"]',
        "main.newIndexed.byName",
        "closure main.newIndexed.func1",
    ),
}
IN_HEADER = 1005
# Entries -> who touches the variable, those that write to it first.
TOUCHED_BY = {
    2001: ["main.remember"],
    2002: ["main.enlist"],
    2003: ["main.fillGlobals", "main.handle"],
}


def look(program: Path) -> Inventory:
    pipe = subprocess.PIPE
    with subprocess.Popen([program], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            return api.heap(str(process.pid), max_pause_ms=PATIENCE_MS)
        finally:
            process.kill()


def build(go: GoToolchain, flags: list[str], folder: Path) -> Path:
    path = folder / f"owners-{go.version}"
    subprocess.run(
        [str(go.path), "build", *flags, "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "0"}, check=True, timeout=400,
    )  # fmt: skip
    return path


def by_entries(seen: Inventory) -> dict[int, MapInstance]:
    return {each.entries: each for each in seen.maps if 1000 < each.entries < 2020}


def without_number(name: str | None) -> str | None:
    return name and " ".join("N" if word.isdigit() else word for word in name.split(" "))


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_locals_and_captured_variables_have_the_programs_names(go: GoToolchain, tmp_path: Path) -> None:
    found = by_entries(look(build(go, ["-buildmode=pie"], tmp_path)))
    names = {n: (without_number(found[n].path), found[n].declared) for n in OWNERS}
    assert names == {n: (path, declared) for n, (path, declared, _) in OWNERS.items()}
    assert {n: found[n].owner_kind for n in OWNERS} == {
        n: kind_of(label) for n, (_, _, label) in OWNERS.items()
    }


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_without_symbols_they_have_the_function(go: GoToolchain, tmp_path: Path) -> None:
    found = by_entries(look(build(go, ["-ldflags=-s -w"], tmp_path)))
    assert {n: without_number(found[n].label) for n in OWNERS} == {
        n: label for n, (*_, label) in OWNERS.items()
    }
    assert {n: found[n].path for n in OWNERS} == dict.fromkeys(OWNERS)
    if int(go.version.split(".")[1]) >= LOCALIZED:
        assert without_number(found[IN_HEADER].label) == "goroutine N main.header"
    functions = {
        n: (found[n].label or "").partition(" (")[2].removesuffix(")").split(", ") for n in TOUCHED_BY
    }
    assert functions == TOUCHED_BY


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_a_map_wholly_on_a_stack_is_listed(go: GoToolchain, tmp_path: Path) -> None:
    for flags in ([], ["-ldflags=-s -w"]):
        seen = look(build(go, flags, tmp_path))
        framed = [each for each in seen.maps if " main.framed" in each.owner]
        assert sorted(each.entries for each in framed) == [0, 3]
        assert {(each.owner_kind, each.capacity) for each in framed} == {(OwnerKind.GOROUTINE, 8)}
        # What its slots lead to hangs on the stack, not on the map.
        assert {each.retained_bytes for each in framed} == {None}


def kind_of(label: str) -> OwnerKind:
    return OwnerKind(label.split(" ", maxsplit=1)[0])


def test_a_program_that_stands_still_gives_the_same_figures_twice(tmp_path: Path) -> None:
    program = build(toolchains()[-1], [], tmp_path)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [program], stdin=pipe, stdout=pipe, text=True, env={**os.environ, "GOGC": "off"}
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            first, second = (api.heap(str(process.pid), max_pause_ms=PATIENCE_MS) for _ in range(2))
        finally:
            process.kill()
    assert first.maps == second.maps
    # The runtime's own threads do not stand still: a sudog or a timer of theirs may have come between.
    assert abs(first.snapshot.heap_bytes - second.snapshot.heap_bytes) < RUNTIME_OBJECTS_BYTES
    assert first.snapshot.uncertain_bytes == 0
