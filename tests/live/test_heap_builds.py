"""However a program was built, its maps are found: linked by the C linker, static, with C in it, with experiments.

A sample in `make test`; with MAPMEDIC_GO=all (`make live`) each way on each Go version that knows it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.model.inventory import Inventory
from mapmedic.source.toolchain import GoToolchain, find_go, probe_go
from tests.live.heap_cells import left_out
from tests.live.scenarios import LAB_SOURCE, truth_of
from tests.live.test_heap import PATIENCE_MS, assert_as_in
from tests.support.command import run
from tests.support.toolchains import EVERY
from tools.toolchains import VERSIONS, ensure

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
C_PROGRAM = Path(__file__).parent / "c_program"
BUILD_SECONDS = 900


@dataclass(frozen=True)
class Way:
    """One way of building: words for `go build`, GOEXPERIMENT, whether with cgo, and the versions that know it."""

    name: str
    flags: tuple[str, ...] = ()
    experiments: str = ""
    cgo: bool = True
    versions: tuple[str, ...] = tuple(VERSIONS)


WAYS = (
    Way("no cgo", cgo=False),
    Way("linked by the C linker", ("-ldflags=-linkmode=external",)),
    Way("static, by the C linker, stripped", ("-ldflags=-linkmode=external -extldflags=-static -s -w",)),
    Way("PIE, by the C linker, stripped", ("-buildmode=pie", "-ldflags=-linkmode=external -s -w")),
    Way("race detector", ("-race",)),
    Way("noallocheaders", experiments="noallocheaders", versions=("1.22",)),
    Way("noswissmap", experiments="noswissmap", versions=("1.24", "1.25")),
    Way("nosynchashtriemap", experiments="nosynchashtriemap", versions=("1.24", "1.25")),
    Way("both old designs", experiments="noswissmap,nosynchashtriemap", versions=("1.24", "1.25")),
    Way("Green Tea", experiments="greenteagc", versions=("1.25",)),
    Way("no Green Tea", experiments="nogreenteagc", versions=("1.26", "1.27")),
    Way("split groups", experiments="mapsplitgroup", versions=("1.27",)),
)
CELLS = [(way, version) for way in WAYS for version in way.versions] if EVERY else [(WAYS[1], "")]
PLAIN = Way("plain")


@pytest.mark.parametrize(("way", "version"), CELLS, ids=lambda each: getattr(each, "name", each))
def test_the_maps_of_the_lab_are_found(way: Way, version: str, tmp_path: Path) -> None:
    binary = build(way, version, LAB_SOURCE, tmp_path)
    for scenario in ("struct-field", "sync-map", "emptied-map"):
        with LabService(binary, Scenario(scenario, entries=20_000, rate=0)) as service:
            truth = truth_of(service.url)
            seen = inventory(service.pid)
            named = [m for m in seen.maps if m.entries == truth["entries"] and m.design == truth["design"]]
            assert_as_in(truth, named[0])
            assert left_out(seen) == []


@pytest.mark.parametrize("version", VERSIONS if EVERY else [""])
def test_memory_and_threads_of_c_are_left_alone(version: str, tmp_path: Path) -> None:
    with c_service(build(PLAIN, version, C_PROGRAM, tmp_path)) as (pid, entries):
        seen = inventory(pid)
        (orders,) = (m for m in seen.maps if m.owner == "main.orders")
        assert (orders.entries, orders.type) == (entries, "map[string]*main.Order")
        assert seen.unread == ()


@pytest.mark.parametrize(
    ("minor", "why"),
    [("28", "knows Go up to 1.27; a newer one is needed"), ("19", "Go before 1.21 is not read")],
)
def test_a_program_of_another_go_is_refused(minor: str, why: str, tmp_path: Path) -> None:
    """A version that exists nowhere: the note in the binary that says it is changed."""
    go = find_go("build a program")
    binary = build(Way("plain", cgo=False), "", LAB_SOURCE, tmp_path)
    raw = binary.read_bytes()
    note = raw.index(b"\xff Go buildinf:")
    said = raw.index(go.version.encode(), note)
    assert said - note < 64
    other = f"go1.{minor}".encode() + go.version.encode()[len("go1.00") :]
    binary.write_bytes(raw[:said] + other + raw[said + len(other) :])
    with LabService(binary, Scenario("struct-field", entries=100, rate=0)) as service:
        done = run("heap", service.pid)
        assert done.code == 3
        assert why in " ".join(done.err.split())
        assert truth_of(service.url)["entries"] == 100


def inventory(pid: int) -> Inventory:
    return api.heap(str(pid), max_pause_ms=PATIENCE_MS)


def build(way: Way, version: str, source: Path, folder: Path) -> Path:
    if way.cgo and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    go = _toolchain(version)
    own = {"GOEXPERIMENT": way.experiments, "CGO_ENABLED": str(int(way.cgo))}
    subprocess.run(
        [str(go.path), "build", *way.flags, "-o", str(folder / "program"), "."],
        cwd=source, env={**go.environment, **own}, check=True, timeout=BUILD_SECONDS,
    )  # fmt: skip
    return folder / "program"


def _toolchain(version: str) -> GoToolchain:
    go = probe_go(ensure(version) / "bin" / "go") if version else find_go("build a program")
    assert go is not None
    return go


@contextmanager
def c_service(binary: Path) -> Iterator[tuple[int, int]]:
    """Run the program with C in it; yield its pid and how many entries its map has."""
    pipe = subprocess.PIPE
    with subprocess.Popen([str(binary)], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            ready, pid, entries = process.stdout.readline().split()
            assert ready == "READY"
            yield int(pid), int(entries)
        finally:
            process.kill()
