"""Look at this machine: what it allows mapmedic to do. Changes nothing."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

import mapmedic
from mapmedic.model.machine import MachineCheck, Status
from mapmedic.model.units import MIB

_CAP_SYS_PTRACE = 19
_LOW_MEMORY_BYTES = 512 * MIB


def examine_machine() -> tuple[MachineCheck, ...]:
    """Return every check, in the order in which a newcomer needs them."""
    return (_python(), _native_core(), _kernel(), _ptrace(), _memory(), _token())


def _python() -> MachineCheck:
    return MachineCheck(
        "python", Status.OK, f"Python {platform.python_version()} at {sys.executable}", "mapmedic itself"
    )


def _native_core() -> MachineCheck:
    found = importlib.util.find_spec("mapmedic._native") is not None
    if found:
        return MachineCheck(
            "native core", Status.OK, f"mapmedic {mapmedic.__version__}", "decoding profiles and dumps"
        )
    return MachineCheck("native core", Status.MISSING, "not built", "decoding profiles and dumps", "make env")


def _kernel() -> MachineCheck:
    system, machine = platform.system(), platform.machine()
    found = f"{system} {platform.release()} on {machine}"
    if system == "Linux" and machine in ("x86_64", "AMD64"):
        return MachineCheck(
            "kernel", Status.OK, found, "capture over HTTP; reading processes, when that is built"
        )
    return MachineCheck(
        "kernel",
        Status.LIMITED,
        found,
        "capture over HTTP only",
        "run mapmedic on Linux amd64 beside the service",
    )


def _ptrace() -> MachineCheck:
    enables = "reading processes from outside (not needed for anything over HTTP)"
    scope = _text("/proc/sys/kernel/yama/ptrace_scope") or "0"
    if os.geteuid() == 0 or _has_capability(_CAP_SYS_PTRACE):
        if scope == "3":
            return MachineCheck("ptrace", Status.MISSING, "kernel.yama.ptrace_scope is 3: nobody may", enables,
                                "set it to 1 or 2 at boot (3 cannot be lowered)")  # fmt: skip
        return MachineCheck("ptrace", Status.OK, "allowed (CAP_SYS_PTRACE)", enables)
    if scope == "0":
        return MachineCheck("ptrace", Status.LIMITED, "allowed for processes of your own user", enables,
                            "sudo, or setcap cap_sys_ptrace")  # fmt: skip
    return MachineCheck(
        "ptrace", Status.MISSING, f"kernel.yama.ptrace_scope is {scope} and CAP_SYS_PTRACE is missing", enables,
        "sudo mapmedic …, or in Kubernetes: kubectl debug POD --profile=sysadmin --target=CONTAINER",
    )  # fmt: skip


def _memory() -> MachineCheck:
    available = _available_bytes()
    limit = _text("/sys/fs/cgroup/memory.max")
    bounds = [
        each for each in (available, int(limit) if limit and limit.isdigit() else None) if each is not None
    ]
    if not bounds:
        return MachineCheck("memory", Status.LIMITED, "unknown", "room for captures", None)
    room = min(bounds)
    found = f"{room / MIB:,.0f} MiB free for us"
    if room < _LOW_MEMORY_BYTES:
        return MachineCheck("memory", Status.LIMITED, found, "room for captures",
                            "capture to a file here, study it elsewhere: mapmedic capture URL -o FILE")  # fmt: skip
    return MachineCheck("memory", Status.OK, found, "room for captures")


def _token() -> MachineCheck:
    if os.environ.get("MAPMEDIC_TOKEN"):
        return MachineCheck(
            "agent token", Status.OK, "MAPMEDIC_TOKEN is set", "hotfix and exact entry counts"
        )
    return MachineCheck("agent token", Status.LIMITED, "MAPMEDIC_TOKEN is not set", "hotfix and exact entry counts",
                        "export MAPMEDIC_TOKEN=… (the one the service was started with)")  # fmt: skip


def _has_capability(number: int) -> bool:
    for line in (_text("/proc/self/status") or "").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _available_bytes() -> int | None:
    for line in (_text("/proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
