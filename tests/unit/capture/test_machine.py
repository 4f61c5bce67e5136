"""What `doctor` makes of a machine: real files of the kernel's form, under another root."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mapmedic import _native, api
from mapmedic.capture.machine import examine_machine
from mapmedic.memory.room import MemoryRoom, memory_room
from mapmedic.model.machine import MachineCheck, Status
from mapmedic.model.units import MIB

GIB = 1 << 30


def machine(root: Path, files: dict[str, object]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def check(name: str, root: Path) -> MachineCheck:
    return next(each for each in examine_machine(root) if each.name == name)


MEMINFO = {"proc/meminfo": f"MemTotal: {16 << 20} kB\nMemAvailable: {8 << 20} kB"}
V2 = "sys/fs/cgroup/kubepods/pod1/"


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({}, None),
        (MEMINFO, MemoryRoom(8 * GIB, False)),
        # version 2, the limit on the parent; cache that can go counts as free
        (
            {**MEMINFO, "proc/self/cgroup": "0::/kubepods/pod1/c", "sys/fs/cgroup/kubepods/pod1/c/memory.max": "max",
             V2 + "memory.max": 512 * MIB, V2 + "memory.current": 500 * MIB,
             V2 + "memory.stat": f"anon 1\ninactive_file {100 * MIB}"},
            MemoryRoom(112 * MIB, True),
        ),
        # version 1 in a container without a namespace: the path is the host's, the mount is the container's
        (
            {**MEMINFO, "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n0::/",
             "sys/fs/cgroup/memory/memory.limit_in_bytes": GIB, "sys/fs/cgroup/memory/memory.usage_in_bytes": MIB},
            MemoryRoom(GIB - MIB, True),
        ),
        # no limit, as version 1 writes it
        (
            {**MEMINFO, "proc/self/cgroup": "4:memory:/", "sys/fs/cgroup/memory/memory.usage_in_bytes": MIB,
             "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712},
            MemoryRoom(8 * GIB, False),
        ),
        # more used than allowed, and lines that nobody wrote
        (
            {"proc/self/cgroup": "nonsense\n0::/a", "sys/fs/cgroup/a/memory.max": 5,
             "sys/fs/cgroup/a/memory.current": 9},
            MemoryRoom(0, True),
        ),
    ],
)  # fmt: skip
def test_the_tightest_bound_counts(files: dict[str, object], room: MemoryRoom | None, tmp_path: Path) -> None:
    assert memory_room(machine(tmp_path, files)) == room


def test_little_memory_is_said_with_a_way_out(tmp_path: Path) -> None:
    found = check("memory", machine(tmp_path, {"proc/meminfo": "MemAvailable: 1024 kB"}))
    assert (found.status, found.found) == (Status.LIMITED, "1 MiB free for us")
    assert found.next is not None and "mapmedic capture" in found.next


@pytest.mark.parametrize(
    ("scope", "capabilities", "status"),
    [
        ("0", "0000000000000000", Status.LIMITED),
        ("1", "0000000000000000", Status.MISSING),
        ("1", "0000000000080000", Status.OK),
        ("2", "000001ffffffffff", Status.OK),
        ("3", "000001ffffffffff", Status.MISSING),
        # root in a container has no CAP_SYS_PTRACE
        ("1", "00000000a80425fb", Status.MISSING),
    ],
)
def test_ptrace_is_a_matter_of_capabilities_not_of_being_root(
    scope: str, capabilities: str, status: Status, tmp_path: Path
) -> None:
    files = {
        "proc/sys/kernel/yama/ptrace_scope": scope,
        "proc/self/status": f"Name:\tx\nCapEff:\t{capabilities}",
    }
    found = check("ptrace", machine(tmp_path, dict(files)))
    assert found.status is status
    assert (found.next is None) == (status is Status.OK)


@pytest.mark.parametrize(
    ("refusal", "paranoid", "found", "next_step"),
    [
        (None, "4", "gives them", None),
        (errno.EACCES, "3", "perf_event_paranoid is 3", "sysctl"),
        (errno.EPERM, "2", "seccomp", "container"),
        (errno.ENOSYS, "", "seccomp", "container"),
        (errno.ENOSPC, "2", "taken", "debugger"),
        (errno.EOPNOTSUPP, "2", "has none", "host"),
    ],
)
def test_what_forbids_a_watchpoint_is_said(
    refusal: int | None,
    paranoid: str,
    found: str,
    next_step: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_native, "watchpoint_refusal", lambda: refusal)  # a mock of a kernel
    seen = check("watchpoints", machine(tmp_path, {"proc/sys/kernel/perf_event_paranoid": paranoid}))
    assert found in seen.found and (next_step or "") in (seen.next or "")
    assert (seen.status is Status.OK) == (refusal is None) == (seen.next is None)


def test_what_is_not_there_has_a_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAPMEDIC_TOKEN", raising=False)
    for each in examine_machine(machine(tmp_path, {**MEMINFO, "proc/self/status": "CapEff:\t0"})):
        assert (each.status is Status.OK) == (each.next is None), each


def test_a_journal_that_cannot_be_written_is_found_before_the_incident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def journal() -> MachineCheck:
        return next(each for each in api.examine_machine() if each.name == "journal")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "not" / "yet"))
    assert journal().status is Status.OK
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    found = journal()
    assert found.status is Status.MISSING
    assert found.next is not None and "--journal" in found.next
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # a user whom /etc/passwd does not know
    assert journal().found == "this user has no home directory to keep a journal in"
