"""A heap profile alone, and the file of the program it came from: together they show which map grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.capture.observe import observe_session
from mapmedic.capture.session_file import read_session
from mapmedic.demo.service import LabService, Scenario
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.heap import HeapProfile
from mapmedic.model.observation import Observation
from tests.support.command import run

pytestmark = pytest.mark.live


@pytest.fixture
def session(start_lab: Callable[[Scenario], LabService], tmp_path: Path) -> Path:
    """A service that leaks, captured with its own symbol answers."""
    service = start_lab(Scenario("struct-field", entries=40_000))
    return api.capture([service.url], tmp_path / "lab.mapmedic", api.CapturePlan(force_gc=True))


@pytest.fixture
def heap_alone(session: Path, tmp_path: Path) -> Path:
    """What somebody saved with curl: the same profile without the symbol answers."""
    (text,) = [a.data for a in read_session(session).artifacts if a.kind == "heap_text"]
    path = tmp_path / "heap.txt"
    path.write_bytes(text)
    return path


def heap_of(observation: Observation) -> HeapProfile:
    (capture,) = observation.captures
    assert capture.heap is not None
    return capture.heap


def test_the_file_names_every_frame_as_the_service_does(
    session: Path, heap_alone: Path, lab_binary: Path
) -> None:
    from_service = heap_of(observe_session(read_session(session)))
    hidden = heap_of(api.observe([str(heap_alone)], api.CapturePlan()))
    from_file = heap_of(api.observe([str(heap_alone)], api.CapturePlan(), exe=lab_binary))
    assert from_file.stacks == from_service.stacks
    assert from_file.frames_restored
    assert not hidden.frames_restored
    assert hidden.stacks != from_service.stacks


def test_the_file_of_another_program_is_noticed_and_not_used(heap_alone: Path) -> None:
    go = api.find_go("have another Go program at hand")
    seen = api.observe([str(heap_alone)], api.CapturePlan(), exe=go.path.resolve())
    (blank,) = [blank for blank in seen.not_captured if blank.what == "executable"]
    assert "not the program that was profiled" in blank.why
    assert not heap_of(seen).frames_restored


def test_the_command_line_takes_the_file(heap_alone: Path, lab_binary: Path, tmp_path: Path) -> None:
    page = tmp_path / "flame.html"
    flame = run("flame", heap_alone, "--exe", lab_binary, "-o", page, "--json")
    assert (flame.code, flame.json["frames_restored"]) == (0, True)
    wrong = run("diagnose", heap_alone, "--exe", heap_alone, "--json")
    assert (wrong.code, wrong.json["error"]) == (3, "FormatError")
    assert "not an ELF program" in wrong.json["what"]


def test_a_session_keeps_what_the_file_said(
    start_lab: Callable[[Scenario], LabService], lab_binary: Path, tmp_path: Path
) -> None:
    service = start_lab(Scenario("struct-field", entries=40_000))
    path = api.capture(
        [service.url], tmp_path / "lab.mapmedic", api.CapturePlan(force_gc=True), exe=lab_binary
    )
    kept = read_session(path)
    answered, from_file = [a for a in kept.artifacts if a.kind == "symbols"]
    assert from_file.source == str(lab_binary)
    names = parse_symbols(from_file.data)
    assert names.items() >= parse_symbols(answered.data).items()
    assert observe_session(kept).go_version == api.find_go("compare").version
    only_file = replace(kept, artifacts=tuple(a for a in kept.artifacts if a is not answered))
    assert heap_of(observe_session(only_file)).stacks == heap_of(observe_session(kept)).stacks
