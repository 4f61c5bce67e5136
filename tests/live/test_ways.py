"""Each way to read a process, and processes that are not simply there: confined, in a container, stopped, traced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic import _native, api
from mapmedic.demo.service import LabService, Scenario
from mapmedic.errors import CouldNotLook, ProcessUnreadable
from mapmedic.memory.process import read_facts
from tests.live.scenarios import truth_of
from tests.live.test_heap import ENTRIES, PATIENCE_MS, assert_as_in, assert_untouched, largest
from tests.support.command import COMMAND
from tests.support.wrapped_lab import WrappedLab

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
StartLab = Callable[[Scenario], LabService]
SCENARIO = Scenario("struct-field", entries=ENTRIES, rate=0)
CONFINED = (sys.executable, "-m", "tests.support.confined")
CONTAINED = ("unshare", "--pid", "--mount", "--fork", "--mount-proc")
# A number that hardly anybody has here: the last but some.
WITH_A_HIGH_NUMBER = """
import pathlib, subprocess, sys
sys_kernel = pathlib.Path("/proc/sys/kernel")
(sys_kernel / "ns_last_pid").write_text(str(int((sys_kernel / "pid_max").read_text()) - 20))
subprocess.run(sys.argv[1:])
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root makes namespaces and other users' processes"
)


def test_a_confined_process_is_never_forked(lab_binary: Path) -> None:
    with WrappedLab(lab_binary, SCENARIO, CONFINED) as service:
        assert read_facts(service.pid).is_confined
        with pytest.raises(ProcessUnreadable, match="seccomp") as refused:
            api.heap(str(service.pid), snapshot="fork", max_pause_ms=PATIENCE_MS)
        assert refused.value.cause == "confined"
        seen = api.heap(str(service.pid), max_pause_ms=PATIENCE_MS)
        assert seen.snapshot.mode == "freeze"
        assert "seccomp" in seen.snapshot.notes[0]
        assert_as_in(truth_of(service.url), largest(seen))
        assert_untouched(service)


def test_a_confined_process_that_may_not_wait_is_read_while_it_runs(lab_binary: Path) -> None:
    with WrappedLab(lab_binary, SCENARIO, CONFINED) as service:
        seen = api.heap(str(service.pid), max_pause_ms=20.0)
        assert (seen.snapshot.mode, len(seen.snapshot.notes) > 1) == ("live", True)
        assert seen.snapshot.pause_ms <= 20.0
        assert_untouched(service)


@NEEDS_ROOT
def test_a_process_in_a_pid_namespace_is_read_and_its_copy_reaped(lab_binary: Path) -> None:
    with WrappedLab(lab_binary, SCENARIO, CONTAINED) as service:
        assert service.pid == 1, "it is alone in its namespace"
        seen = api.heap(str(service.outer_pid), snapshot="fork", max_pause_ms=PATIENCE_MS)
        assert largest(seen).owner == "main.mgr.sessions"
        assert children_of(service.outer_pid) == []


@NEEDS_ROOT
def test_a_number_from_inside_a_container_is_told_from_ours(lab_binary: Path) -> None:
    with WrappedLab(lab_binary, SCENARIO, (*CONTAINED, sys.executable, "-c", WITH_A_HIGH_NUMBER)) as service:
        (outer,) = children_of(service.outer_pid)
        if Path(f"/proc/{service.pid}").exists():
            pytest.skip(f"there is a process {service.pid} here as well")
        with pytest.raises(ProcessUnreadable, match=f"of its own {service.pid} is here: {outer} ") as told:
            api.heap(str(service.pid))
        assert told.value.cause == "elsewhere"
        assert api.heap(str(outer), max_pause_ms=PATIENCE_MS).maps


@NEEDS_ROOT
def test_a_proc_of_another_namespace_is_not_believed(start_lab: StartLab) -> None:
    service = start_lab(SCENARIO)
    # A PID namespace of our own, and still the old /proc.
    words = [
        "unshare",
        "--pid",
        "--fork",
        sys.executable,
        "-m",
        "mapmedic.cli.main",
        "heap",
        str(service.pid),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "does not show the processes of our own PID namespace" in done.stderr
    assert_untouched(service)


@NEEDS_ROOT
def test_another_mount_namespace_and_a_deleted_program_are_no_obstacle(
    lab_binary: Path, tmp_path: Path
) -> None:
    binary = tmp_path / "lab"
    binary.write_bytes(lab_binary.read_bytes())
    binary.chmod(0o755)
    with LabService(binary, SCENARIO) as service:
        binary.unlink()
        words = ["unshare", "--mount", *COMMAND, "heap", str(service.pid), "--max-pause", "5000"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, "main.mgr.sessions" in done.stdout) == (0, True), done.stderr


def test_a_stopped_process_is_read_and_left_stopped(start_lab: StartLab) -> None:
    service = start_lab(SCENARIO)
    os.kill(service.pid, signal.SIGSTOP)
    wait_for_state(service.pid, "T")
    seen = api.heap(str(service.pid), max_pause_ms=1.0)
    assert (largest(seen).owner, seen.snapshot.mode) == ("main.mgr.sessions", "freeze")
    wait_for_state(service.pid, "T")
    os.kill(service.pid, signal.SIGCONT)
    assert_untouched(service)


def test_a_traced_process_names_its_tracer(start_lab: StartLab) -> None:
    service = start_lab(SCENARIO)
    held = _native.stop_process(service.pid, 10_000_000_000)
    try:
        with pytest.raises(ProcessUnreadable, match=r"process \d+ \(.+\) traces it already") as told:
            api.heap(str(service.pid))
        assert told.value.cause == "traced"
    finally:
        held.release()
    assert_untouched(service)


@NEEDS_ROOT
def test_who_may_not_trace_is_told_what_is_missing(start_lab: StartLab) -> None:
    service = start_lab(SCENARIO)
    done = subprocess.run(
        [*NOBODY, *COMMAND, "heap", str(service.pid)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    for words in ("CAP_SYS_PTRACE is missing", "belongs to user 0, and we are user 65534", "kubectl debug"):
        assert words in done.stderr
    assert_untouched(service)


def test_a_process_that_ended_and_one_of_the_kernel_are_told_apart() -> None:
    with subprocess.Popen(["true"]) as ended:
        wait_for_state(ended.pid, "Z")
        with pytest.raises(ProcessUnreadable, match="it has ended"):
            api.heap(str(ended.pid))
    with pytest.raises(ProcessUnreadable, match="mapmedic itself"):
        api.heap(str(os.getpid()))
    kernel = [pid for pid in (2,) if "VmSize" not in Path(f"/proc/{pid}/status").read_text()]
    for pid in kernel:
        with pytest.raises(ProcessUnreadable, match="a thread of the kernel"):
            api.heap(str(pid))


def test_a_process_that_ends_meanwhile_is_an_error_and_no_crash(lab_binary: Path) -> None:
    for delay in (0.0, 0.02, 0.05, 0.1):
        with LabService(lab_binary, Scenario("struct-field", entries=200_000, rate=0)) as service:
            words = f"import os,time; time.sleep({delay}); os.kill({service.pid}, 9)"
            with subprocess.Popen([sys.executable, "-c", words]):
                for _ in range(50):
                    try:
                        api.heap(str(service.pid), snapshot="freeze", max_pause_ms=PATIENCE_MS)
                    except CouldNotLook:
                        break
                else:
                    raise AssertionError("it never ended")


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def wait_for_state(pid: int, state: str) -> None:
    deadline = time.monotonic() + 10
    while read_facts(pid).state != state:
        assert time.monotonic() < deadline, f"{pid} is {read_facts(pid).state}, not {state}"
        time.sleep(0.005)
