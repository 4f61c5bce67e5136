"""Look at this machine: what it allows mapmedic to do. Changes nothing."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

import mapmedic
from mapmedic.memory.access import has_ptrace_capability
from mapmedic.memory.room import memory_room, read_text
from mapmedic.model.machine import MachineCheck, Status
from mapmedic.model.units import MIB

_LOW_MEMORY_BYTES = 512 * MIB


def examine_machine(root: Path = Path("/")) -> tuple[MachineCheck, ...]:
    """Return every check, in the order in which a newcomer needs them; the kernel's files are read under ``root``."""
    return (_python(), _native_core(), _kernel(), _memory(root), _token(), _ptrace(root))


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
            "kernel", Status.OK, found, "capture over HTTP (reading processes is being built)"
        )
    return MachineCheck(
        "kernel",
        Status.LIMITED,
        found,
        "capture over HTTP only",
        "run mapmedic on Linux amd64 beside the service",
    )


def _ptrace(root: Path) -> MachineCheck:
    enables = "reading processes from outside; nothing over HTTP needs it"
    scope = read_text(root / "proc/sys/kernel/yama/ptrace_scope") or "0"
    if scope == "3":
        return MachineCheck("ptrace", Status.MISSING, "kernel.yama.ptrace_scope is 3: nobody may", enables,
                            "have it set to 1 or 2 at boot (3 cannot be lowered)")  # fmt: skip
    if has_ptrace_capability(root):
        return MachineCheck("ptrace", Status.OK, "allowed (CAP_SYS_PTRACE)", enables)
    if scope == "0":
        return MachineCheck("ptrace", Status.LIMITED, "allowed for processes of your own user", enables,
                            "sudo mapmedic …, for those of others")  # fmt: skip
    return MachineCheck(
        "ptrace", Status.MISSING, f"kernel.yama.ptrace_scope is {scope} and CAP_SYS_PTRACE is missing", enables,
        "sudo mapmedic …, or in Kubernetes: kubectl debug POD --profile=sysadmin --target=CONTAINER",
    )  # fmt: skip


def _memory(root: Path) -> MachineCheck:
    room = memory_room(root)
    enables = "captures and their study"
    if room is None:
        return MachineCheck("memory", Status.LIMITED, "unknown", enables, None)
    found = f"{room.free_bytes / MIB:,.0f} MiB free {'in this container' if room.by_cgroup else 'for us'}"
    if room.free_bytes < _LOW_MEMORY_BYTES:
        return MachineCheck("memory", Status.LIMITED, found, enables,
                            "capture to a file here, study it elsewhere: mapmedic capture URL -o FILE")  # fmt: skip
    return MachineCheck("memory", Status.OK, found, enables)


def _token() -> MachineCheck:
    if os.environ.get("MAPMEDIC_TOKEN"):
        return MachineCheck(
            "agent token", Status.OK, "MAPMEDIC_TOKEN is set", "hotfix and exact entry counts"
        )
    return MachineCheck("agent token", Status.LIMITED, "MAPMEDIC_TOKEN is not set", "hotfix and exact entry counts",
                        "export MAPMEDIC_TOKEN=… (the one the service was started with)")  # fmt: skip
