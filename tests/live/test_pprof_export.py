"""The exported profile of a real leaking service, opened by the real `go tool pprof`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.demo.service import LabService
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report.pprof_export import ProfileOrigin, pprof_bytes
from tests.live.scenarios import SCENARIOS, truth_of
from tests.support.command import run

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def session(lab_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a session of the leaking service and the function that fills the map."""
    path = tmp_path_factory.mktemp("export") / "leak.mapmedic"
    with LabService(lab_binary, SCENARIOS["struct-field"]) as service:
        api.capture([service.url], path, api.CapturePlan(4.0, force_gc=True))
        return path, truth_of(service.url)["insertion"]["function"]


@pytest.fixture(scope="module")
def profile(session: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "leak.pb.gz"
    done = run("flame", session[0], "--pprof", path, cwd=path.parent)
    assert done.code == 0, done.err
    assert list(path.parent.iterdir()) == [path], "--pprof alone writes no HTML"
    return path


def pprof(profile: Path, *words: str) -> str:
    go = api.find_go("read a profile")
    done = subprocess.run(
        [str(go.path), "tool", "pprof", *words, str(profile)],
        env={**go.environment, "PPROF_TMPDIR": str(profile.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_top_shows_map_growth_under_its_real_names(profile: Path) -> None:
    top = pprof(profile, "-top", "-cum", "-nodefraction=0")
    assert re.search(r"internal/runtime/maps\.\(\*(table|Map)\)|runtime\.hashGrow", top)
    assert "runtime.mapassign" in top or "internal/runtime/maps.newTable" in top
    flat = pprof(profile, "-top", "-nodefraction=0")
    assert "mallocgc" not in flat, "the leaf of every stack would have all of the flat bytes"


def test_the_inserting_function_calls_what_grows_the_map(profile: Path, session: tuple[Path, str]) -> None:
    peek = pprof(profile, "-peek", re.escape(session[1]) + "$")
    below = peek.split(f"| {session[1]}\n" if f"| {session[1]}\n" in peek else session[1], 1)[1]
    assert re.search(r"mapassign|internal/runtime/maps", below)


@pytest.mark.parametrize(
    "kind", ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "growth_space"]
)
def test_totals_are_ours(kind: str, profile: Path, session: tuple[Path, str]) -> None:
    change = api.heap_change(api.observe([str(session[0])], api.CapturePlan()))
    assert change is not None
    heap = change.heap
    ours = {
        "alloc_objects": heap.alloc_objects, "alloc_space": heap.alloc_bytes, "inuse_objects": heap.inuse_objects,
        "inuse_space": heap.inuse_bytes, "growth_space": change.gained_bytes,
    }[kind]  # fmt: skip
    raw = pprof(profile, "-raw", "-sample_index=" + kind)
    head, *lines = raw.split("Samples:\n")[1].split("Locations\n")[0].splitlines()
    index = [each.split("/")[0] for each in head.split()].index(kind)
    rows = [line.split(":")[0] for line in lines if re.match(r"[ \d-]+: \d", line)]
    assert len(rows) == len(heap.stacks)
    assert sum(int(row.split()[index]) for row in rows) == round(float(ours.sum()))


def test_growth_is_the_difference_of_two_exports(session: tuple[Path, str], tmp_path: Path) -> None:
    """`-diff_base` with the first capture alone gives what growth_space says."""
    observation = api.observe([str(session[0])], api.CapturePlan())
    change, first = api.heap_change(observation), observation.captures[0].heap
    assert change is not None and first is not None
    origin = ProfileOrigin("t", UnixNanoseconds(1), "0")
    base, last = tmp_path / "first.pb.gz", tmp_path / "last.pb.gz"
    base.write_bytes(pprof_bytes(first, origin))
    last.write_bytes(pprof_bytes(change.heap, origin, change))
    words = ("-top", "-unit=B", "-nodefraction=0")
    grown = shown_bytes(pprof(last, *words, "-sample_index=growth_space"))
    assert grown > 0
    assert grown == shown_bytes(pprof(last, *words, "-diff_base", str(base)))


def shown_bytes(top: str) -> int:
    shown = re.search(r"accounting for (-?\d+)B", top)
    assert shown is not None, top
    return int(shown.group(1))
