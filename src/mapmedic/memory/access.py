"""Whether a process can be read at all, said before anything is done to it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts, known_elsewhere_as, read_facts, tracer_of_a_thread
from mapmedic.memory.room import read_text

# ELF header: magic, class and byte order at 4, machine at 18 (include/uapi/linux/elf-em.h).
_MAGIC, _64_BIT, _LITTLE = b"\x7fELF", 2, 1
_X86_64 = 62
_MACHINES = {
    3: "32-bit x86",
    8: "mips",
    21: "ppc64",
    22: "s390x",
    40: "32-bit arm",
    183: "arm64",
    243: "riscv64",
}
_CAP_SYS_PTRACE = 19
_SCOPES = {
    "1": "only a parent may trace its children",
    "2": "only CAP_SYS_PTRACE may trace",
    "3": "nobody may trace",
}


def require_readable(pid: int) -> ProcessFacts:
    """Return the facts of process ``pid``; ProcessUnreadable, with the cause, where it cannot be read.

    Nothing is done to it.
    """
    if not hasattr(_native, "fork_copy"):
        raise ProcessUnreadable(pid, "processes can be read on linux/amd64 only", "other_machine")
    if pid == os.getpid():
        raise ProcessUnreadable(pid, "it is mapmedic itself", "ourselves")
    facts = find_process(pid)
    if facts.state in ("Z", "X"):
        raise ProcessUnreadable(pid, "it has ended; its parent has not taken note yet", "ended")
    if not facts.has_memory:
        raise ProcessUnreadable(
            pid, f"{facts.name} has no memory of its own: a thread of the kernel", "kernel"
        )
    if facts.tracer_pid:
        who = f"process {facts.tracer_pid} ({_name_of(facts.tracer_pid)})"
        raise ProcessUnreadable(pid, f"{who} traces it already, and only one may", "traced")
    require_memory(pid, facts)
    require_amd64(pid)
    return facts


def not_permitted(pid: int, facts: ProcessFacts) -> ProcessUnreadable:
    """Return what to say where the kernel does not let us trace ``pid``: whose it is, who we are, what forbids it."""
    if tracer := tracer_of_a_thread(pid):
        who = f"process {tracer} ({_name_of(tracer)}) traces a thread of it"
        return ProcessUnreadable(
            pid, f"{who}, and only one may: a call of hotfix --call, or a debugger", "traced"
        )
    ours, scope = os.geteuid(), read_text(Path("/proc/sys/kernel/yama/ptrace_scope")) or "0"
    if has_ptrace_capability():
        why = ["it is in a user namespace above ours, or a security module (SELinux, AppArmor) forbids it"]
    else:
        why = ["CAP_SYS_PTRACE is missing"]
        if facts.user != ours:
            why.append(f"it belongs to user {facts.user}, and we are user {ours}")
        elif Path(f"/proc/{pid}").stat().st_uid != ours:
            why.append(
                "it is not dumpable: it changed its user or has capabilities, or its file may not be read"
            )
    if scope in _SCOPES:
        why.append(f"kernel.yama.ptrace_scope is {scope}: {_SCOPES[scope]}")
    return ProcessUnreadable(pid, "the kernel does not let us trace it: " + "; ".join(why), "not_permitted")


def has_ptrace_capability(root: Path = Path("/")) -> bool:
    """Tell whether we have CAP_SYS_PTRACE."""
    for line in read_text(root / "proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_PTRACE & 1)
    return False


def watchpoint_refusal() -> int | None:
    """Return the errno with which the kernel refuses us a hardware watchpoint; None where it gives one.

    Tried on a word of our own that nobody writes. ENOSYS where this is not linux/amd64.
    """
    return _native.watchpoint_refusal() if hasattr(_native, "watchpoint_refusal") else errno.ENOSYS


def _require_our_proc(pid: int) -> None:
    """Raise ProcessUnreadable where /proc shows the processes of another PID namespace than ours."""
    try:
        is_ours = int(str(Path("/proc/self").readlink())) == os.getpid()
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        raise ProcessUnreadable(
            pid, "/proc does not show the processes of our own PID namespace", "elsewhere"
        )


def find_process(pid: int) -> ProcessFacts:
    """Return the facts of process ``pid``; ProcessUnreadable where it is not here, with where it is."""
    _require_our_proc(pid)
    try:
        return read_facts(pid)
    except ProcessUnreadable as error:
        elsewhere = known_elsewhere_as(pid) if error.cause == "gone" else ()
        if not elsewhere:
            raise
        here = ", ".join(f"{each} ({_name_of(each)})" for each in elsewhere[:5])
        why = f"there is no such process here; in a container of its own {pid} is here: {here}"
        raise ProcessUnreadable(pid, why, "elsewhere") from error


def _name_of(pid: int) -> str:
    return read_text(Path(f"/proc/{pid}/comm")) or "?"


def require_memory(pid: int, facts: ProcessFacts) -> None:
    """Raise ProcessUnreadable where its memory may not be opened: the kernel asks the same as for tracing it."""
    try:
        with Path(f"/proc/{pid}/mem").open("rb"):
            pass
    except PermissionError as error:
        raise not_permitted(pid, facts) from error
    except OSError as error:
        raise ProcessUnreadable(pid, "it ended while it was looked at", "ended") from error


def require_amd64(pid: int) -> None:
    """Raise ProcessUnreadable where ``pid`` does not run a 64-bit program for x86."""
    try:
        with Path(f"/proc/{pid}/exe").open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise ProcessUnreadable(pid, f"its program cannot be read: {error.strerror or error}") from error
    if len(head) < 20 or head[:4] != _MAGIC:
        raise ProcessUnreadable(pid, "its program is no ELF file", "other_machine")
    machine = int.from_bytes(head[18:20], "little")
    if machine != _X86_64 or head[4] != _64_BIT or head[5] != _LITTLE:
        what = _MACHINES.get(machine, f"ELF machine {machine}") if machine != _X86_64 else "32-bit (x32) code"
        raise ProcessUnreadable(
            pid, f"it runs {what}; only linux/amd64 programs can be read", "other_machine"
        )
