"""What `mapmedic doctor PID` says of real processes; none of them is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic import _native, api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.model.machine import ProcessExam, Status
from mapmedic.source.toolchain import find_go
from tests.support.command import run
from tests.support.confined import confine

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
StartLab = Callable[[Scenario], LabService]
SLEEPER = 'package main\nimport "time"\nfunc main() { time.Sleep(time.Hour) }\n'
SOMEBODY = 61_234


def missing(exam: ProcessExam) -> list[str]:
    return [check.name for check in exam.checks if check.status is Status.MISSING]


def test_a_go_service_can_be_looked_at_and_has_the_agent(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    exam = api.examine_process(service.pid)
    assert exam.can_look and missing(exam) == []
    assert exam.program.go_version is not None and exam.program.go_version.startswith("go1.")
    assert (exam.program.stripped, exam.program.has_agent) == (False, True)
    assert exam.way is not None and exam.way.mode == api.heap(str(service.pid)).snapshot.mode
    assert {each.command: each.works for each in exam.commands} == dict.fromkeys(
        ("heap", "diagnose", "capture", "hotfix"), True
    )
    done = run("doctor", f"pid:{service.pid}", "--json")
    assert (done.code, done.json["schema"]) == (0, "mapmedic.doctor/1")
    assert done.json["process"]["can_look"] is True


def test_what_is_no_go_program_is_said_with_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        exam = api.examine_process(other.pid)
        assert missing(exam) == ["program"]
        done = run("doctor", other.pid)
        assert done.code == 3
        assert f"pgrep -a -P {other.pid}" in done.out
        assert other.poll() is None
        other.communicate(b"\n")


def test_a_zombie_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as other:
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        exam = api.examine_process(other.pid)
        assert not exam.can_look
        assert "zombie" in exam.checks[0].found


def test_another_tracer_is_named(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    held = _native.stop_process(service.pid, 60_000_000_000)
    try:
        exam = api.examine_process(service.pid)
    finally:
        held.release()
    assert missing(exam) == ["tracer"]
    assert "(mapmedic-keeper) traces it" in exam.checks[1].found


def test_a_32_bit_program_is_not_read(tmp_path: Path) -> None:
    with sleeper(tmp_path, GOARCH="386") as process:
        exam = api.examine_process(process.pid)
        process.kill()
    assert "32-bit x86" in next(check.found for check in exam.checks if check.name == "machine")
    assert not exam.can_look


def test_a_seccomp_filter_costs_the_fork_and_no_more(tmp_path: Path) -> None:
    with sleeper(tmp_path, preexec=confine) as process:
        exam = api.examine_process(process.pid)
        process.kill()
    assert exam.way is not None and exam.way.mode == "freeze"
    assert "seccomp" in exam.way.notes[0]
    assert "no_new_privs" in next(check.found for check in exam.checks if check.name == "confinement")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_process_says_who_we_are_and_what_to_do(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=1_000, rate=0))
    said = as_somebody(lambda: api.examine_process(service.pid))
    assert said["permission"][0] == "missing"
    assert f"belongs to user {os.geteuid()}, and we are user {SOMEBODY}" in said["permission"][1]
    assert "sudo" in said["permission"][2] and "kubectl debug" in said["permission"][2]


def sleeper(
    folder: Path, preexec: Callable[[], None] | None = None, **settings: str
) -> subprocess.Popen[bytes]:
    go = find_go("build a program that sleeps")
    (folder / "main.go").write_text(SLEEPER)
    environment = {**go.environment, "CGO_ENABLED": "0", **settings}
    words = [str(go.path), "build", "-o", "sleeper", "main.go"]
    subprocess.run(words, cwd=folder, env=environment, check=True)
    process = subprocess.Popen([str(folder / "sleeper")], preexec_fn=preexec)  # noqa: PLW1509
    while Path(f"/proc/{process.pid}/exe").readlink().name != "sleeper":
        time.sleep(0.001)
    return process


def as_somebody(ask: Callable[[], ProcessExam]) -> dict[str, list[str]]:
    """Return what ``ask`` finds for an ordinary user: name -> status, what was found, what to do."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(SOMEBODY)
        said = {c.name: [c.status.value, c.found, c.next or ""] for c in ask().checks}
        os.write(writes, json.dumps(said).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as file:
        said = dict(json.load(file))
    os.waitpid(child, 0)
    return said
