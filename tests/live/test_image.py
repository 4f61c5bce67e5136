"""The memory of a process kept in a session: what is read from it later is what was read of the process."""

from __future__ import annotations

import json
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.capture import image_saving
from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.capture.stored import stored_inventories
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import CannotWrite, SessionDamaged
from mapmedic.formats.inventory import inventory_json
from mapmedic.model.inventory import Limits, SnapshotMode
from tests.live.scenarios import PATIENCE_MS
from tests.support.command import run

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
OWNER = "main.mgr.sessions"
PLAN = api.CapturePlan(inside=Limits(max_pause_ms=PATIENCE_MS), image=True)


@pytest.fixture(scope="module")
def taken(lab_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A session with an image of a service that has ended, and what its entries and paths were while it ran."""
    path = tmp_path_factory.mktemp("image") / "s.mapmedic"
    with LabService(lab_binary, Scenario("struct-field", entries=4_000, rate=0)) as service:
        api.capture([str(service.pid)], path, PLAN)
        asked = (service.pid, "--max-pause", int(PATIENCE_MS), "--json")
        entries, paths = (run("heap", *asked, word, OWNER).out for word in ("--entries", "--paths"))
    yield path, entries, paths


def changed(taken: tuple[Path, str, str], tmp_path: Path) -> Path:
    return Path(shutil.copy(taken[0], tmp_path / "s.mapmedic"))


def test_every_figure_of_the_image_is_that_of_the_process(taken: tuple[Path, str, str]) -> None:
    of_the_process = json.loads(json.dumps(inventory_json(stored_inventories(taken[0])[-1])))
    assert run("heap", taken[0], "--json").json == of_the_process
    assert (
        of_the_process["account"]
        and of_the_process["checks"]
        and of_the_process["snapshot"]["mode"] == "fork"
    )


def test_entries_and_paths_are_those_of_the_process(taken: tuple[Path, str, str], tmp_path: Path) -> None:
    path, entries, paths = taken
    for word, before in (("--entries", json.loads(entries)), ("--paths", json.loads(paths))):
        done = run("heap", path, word, OWNER, "--json")
        assert done.code == 0
        assert done.json.keys() == before.keys()
        assert done.json["map"] | {"resident_bytes": 0} == before["map"] | {"resident_bytes": 0}
    profile = tmp_path / "held.pb.gz"
    assert run("heap", path, "--pprof", profile).code == 0 and profile.stat().st_size > 0


def test_it_is_for_the_owner_alone_and_a_diagnosis_does_not_read_it(
    taken: tuple[Path, str, str], tmp_path: Path
) -> None:
    assert stat.S_IMODE(taken[0].stat().st_mode) == 0o600
    session = read_session(taken[0])
    assert {each.kind for each in session.stored} == {"memory_image", "program"}
    path = changed(taken, tmp_path)
    image = next(each for each in session.stored if each.kind == "memory_image")
    with path.open("r+b") as file:
        file.seek(image.offset + image.bytes // 2)
        file.write(b"mapmedic was here")
    assert run("diagnose", path).code == 0
    done = run("heap", path, "--json")
    assert (done.code, done.json["error"]) == (3, "SessionDamaged")
    assert "memory_image does not match its SHA-256" in done.json["what"]


def test_an_image_that_was_cut_short_says_so(taken: tuple[Path, str, str], tmp_path: Path) -> None:
    path = changed(taken, tmp_path)
    image = next(each for each in read_session(path).stored if each.kind == "memory_image")
    with path.open("r+b") as file:
        file.truncate(image.offset + image.bytes // 2)
    done = run("heap", path, "--json")
    assert (done.code, done.json["error"]) == (3, "SessionDamaged")
    assert "cut short" in done.json["what"]


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"stretches": [[1 << 20, 1 << 46]], "runs": []}, "cut short"),
        ({"stretches": [[4096, 1 << 46]]}, "more memory than"),
        ({"stretches": []}, "in no order"),
        ({"stretches": [[8192, 4096]]}, "in no order"),
        ({"stretches": [[4096, 8192]]}, "outside of what was read"),
        ({"schema": "mapmedic.memory/9"}, "mapmedic.memory/9"),
        ({"threads": 3}, "does not parse"),
        ({"runs": [[0, 1 << 63], [1, 2]]}, "cut short"),
    ],
)
def test_an_index_that_lies_is_refused(
    lie: dict[str, object], said: str, taken: tuple[Path, str, str], tmp_path: Path
) -> None:
    session, path = read_session(taken[0]), tmp_path / "lies.mapmedic"
    with SessionWriter(path, session.target, "0", force=True) as writer, taken[0].open("rb") as file:
        for artifact in session.artifacts:
            told = json.loads(artifact.data) | lie if artifact.kind == "memory_index" else None
            writer.add(artifact if told is None else replace(artifact, data=json.dumps(told).encode()))
        for part in (each for each in session.stored if each.kind == "memory_image"):
            file.seek(part.offset)
            kept = file.read(part.bytes)
            large = image_saving.LargeArtifact(
                part.kind, 0, part.taken_at, "x", part.bytes, part.sha256, lambda kept=kept: iter((kept,))
            )
            writer.add_large(large, lambda _share: None)
        writer.finish()
    with pytest.raises(SessionDamaged, match=said):
        api.heap(str(path))


def test_without_an_image_the_command_that_takes_one_is_said(lab_binary: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.mapmedic"
    with LabService(lab_binary, Scenario("struct-field", entries=200, rate=0)) as service:
        api.capture([str(service.pid)], path, api.CapturePlan(inside=PLAN.inside))
        done = run("capture", service.url, "-o", tmp_path / "t.mapmedic", "--image")
        assert done.code == 2 and "--image" in done.err
    for word in ("--entries", "--paths"):
        done = run("heap", path, word, OWNER)
        assert done.code == 3
        assert "no image of the memory" in done.err and "capture pid:N --image" in done.err
    assert run("heap", path).code == 0, "its figures are there"


def test_memory_of_no_single_moment_and_a_full_disk_keep_no_image(
    lab_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LabService(lab_binary, Scenario("struct-field", entries=200, rate=0)) as service:
        live = api.CapturePlan(inside=Limits(SnapshotMode.LIVE, PATIENCE_MS), image=True)
        api.capture([str(service.pid)], tmp_path / "live.mapmedic", live)
        session = read_session(tmp_path / "live.mapmedic")
        assert not session.stored
        assert any(
            blank.what == "memory_image" and "no single moment" in blank.why for blank in session.not_captured
        )
        monkeypatch.setattr(image_saving, "DISK_SHARE", 1e-9)
        with pytest.raises(CannotWrite, match="an image takes up to"):
            api.capture([str(service.pid)], tmp_path / "full.mapmedic", PLAN)
    assert not (tmp_path / "full.mapmedic").exists()


def test_any_tar_opens_it_and_long_images_are_in_several_members(
    lab_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_saving, "_MEMBER_BYTES", 5_000_000)
    path = tmp_path / "s.mapmedic"
    with LabService(lab_binary, Scenario("struct-field", entries=4_000, rate=0)) as service:
        api.capture([str(service.pid)], path, PLAN)
    with tarfile.open(path) as tar:
        members = [each for each in tar.getmembers() if each.name.endswith("memory_image")]
    assert len(members) > 3
    assert api.heap(str(path)) == stored_inventories(path)[-1]
