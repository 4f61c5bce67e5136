"""Look at this machine: what it allows mapmedic to do. Changes nothing."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import sys
from pathlib import Path

import mapmedic
from mapmedic.memory.access import has_ptrace_capability, watchpoint_refusal
from mapmedic.memory.room import memory_room, read_text
from mapmedic.model.machine import MachineCheck, Status
from mapmedic.model.units import MIB

_LOW_MEMORY_BYTES = 512 * MIB
# Up to this, whoever may trace a process may watch what it does itself (kernel/events/core.c, perf_event_open).
_MOST_PARANOID = 2


def examine_machine(root: Path = Path("/")) -> tuple[MachineCheck, ...]:
    """Return every check, in the order in which a newcomer needs them; the kernel's files are read under ``root``."""
    return (_python(), _native_core(), _kernel(), _memory(root), _token(), _ptrace(root), _watchpoints(root))


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
        return MachineCheck("kernel", Status.OK, found, "reading processes, and capture over HTTP")
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


def _watchpoints(root: Path) -> MachineCheck:
    """Return whether the kernel gives hardware watchpoints: one is taken on a word of our own, and given back."""
    name, enables = (
        "watchpoints",
        "hotfix PID of a map whose lock is hardly ever free; else it looks now and then",
    )
    refusal = watchpoint_refusal()
    if refusal is None:
        whose = "any process" if os.geteuid() == 0 else "processes of your own user"
        return MachineCheck(name, Status.OK, f"the kernel gives them, on {whose}", enables)
    found, next_ = _no_watchpoint(refusal, read_text(root / "proc/sys/kernel/perf_event_paranoid"))
    return MachineCheck(name, Status.LIMITED, found, enables, next_)


def _no_watchpoint(refusal: int, paranoid: str) -> tuple[str, str]:
    """Return (what was found, the next step) for the errno of perf_event_open(2)."""
    said = os.strerror(refusal)
    if refusal in (errno.EACCES, errno.EPERM) and paranoid.isdigit() and int(paranoid) > _MOST_PARANOID:
        return f"kernel.perf_event_paranoid is {paranoid}, and CAP_PERFMON is missing", (
            f"sudo sysctl kernel.perf_event_paranoid={_MOST_PARANOID}   (until the next boot), or sudo mapmedic …"
        )
    if refusal in (errno.EACCES, errno.EPERM, errno.ENOSYS):
        return f"perf_event_open is refused ({said}): by a seccomp filter or a security module", (
            "run mapmedic outside of the container, or give it a seccomp profile that allows perf_event_open"
        )
    if refusal in (errno.ENOSPC, errno.EBUSY):
        return f"all of the processor's are taken ({said})", "end the debugger or the profiler that has them"
    return f"this machine has none ({said})", "a virtual machine has to be given debug registers by its host"


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
    needed_for = "hotfix and exact entry counts through the agent"
    if os.environ.get("MAPMEDIC_TOKEN"):
        return MachineCheck("agent token", Status.OK, "MAPMEDIC_TOKEN is set", needed_for)
    next_step = "export MAPMEDIC_TOKEN=… (the one the service was started with)"
    return MachineCheck("agent token", Status.LIMITED, "MAPMEDIC_TOKEN is not set", needed_for, next_step)
