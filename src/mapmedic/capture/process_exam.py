"""Look at one process from its outside: whether it can be read, in which way, and what to do where not.

Only files of /proc are read: it is not stopped, and does not notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mapmedic.capture.program_facts import read_program_facts
from mapmedic.errors import ProcessUnreadable, TargetUnsupported
from mapmedic.goheap.build import parse_version
from mapmedic.goheap.layouts import layout_of
from mapmedic.memory.access import find_process, has_ptrace_capability, require_amd64, require_memory
from mapmedic.memory.code_room import find_room
from mapmedic.memory.process import ProcessFacts, exe_path, read_extents
from mapmedic.memory.room import read_text
from mapmedic.memory.way import Cost, choose_way, estimate_cost
from mapmedic.model.inventory import Limits
from mapmedic.model.machine import CommandCheck, MachineCheck, ProcessExam, ProgramFacts, Status, WayFacts
from mapmedic.model.units import MIB

_READING = "reading its memory"
_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting for a device",
    "I": "idle",
    "T": "stopped by job control",
    "t": "stopped by its tracer",
    "Z": "a zombie: it has ended, and its parent has not taken note",
    "X": "ended",
}
_OVER_HTTP = "mapmedic diagnose http://HOST:PORT   (over HTTP none of this is needed)"


def examine_process(pid: int, limits: Limits | None = None) -> ProcessExam:
    """Return what process ``pid`` allows within ``limits``; ProcessUnreadable where there is none here."""
    facts, program = find_process(pid), read_program_facts(pid)
    checks: tuple[MachineCheck, ...] = (
        _state(pid, facts),
        _tracer(facts),
        _permission(pid, facts),
        _tried("machine", lambda: require_amd64(pid), "64-bit x86 on Linux", _OVER_HTTP),
        _program(program, pid),
        _confinement(facts),
    )
    cost = None
    if all(check.status is not Status.MISSING for check in checks):
        cost = estimate_cost(
            pid, facts, has_room=find_room(pid, exe_path(pid), read_extents(pid)) is not None
        )
        checks = (*checks, _memory(cost, limits or Limits()))
    way = None if cost is None else _way(pid, cost, limits or Limits())
    return ProcessExam(pid, facts.name, program, checks, way, _commands(pid, checks, program))


def _state(pid: int, facts: ProcessFacts) -> MachineCheck:
    found = _STATES.get(facts.state, facts.state)
    if pid == os.getpid():
        return MachineCheck("state", Status.MISSING, "it is mapmedic itself", _READING, "pgrep -a NAME")
    if facts.state in ("Z", "X"):
        return MachineCheck("state", Status.MISSING, found, _READING, "pgrep -a NAME   (its successor)")
    if not facts.has_memory:
        return MachineCheck("state", Status.MISSING, "a thread of the kernel", _READING, "pgrep -a NAME")
    if len(facts.ids) > 1:
        found += f"; in a PID namespace of its own, where it is {facts.ids[-1]}"
    if facts.is_stopped:
        again = f"kill -CONT {pid}, to have it run again"
        return MachineCheck("state", Status.LIMITED, f"{found}: read as it stands", _READING, again)
    return MachineCheck("state", Status.OK, found, _READING)


def _tracer(facts: ProcessFacts) -> MachineCheck:
    if not facts.tracer_pid:
        return MachineCheck("tracer", Status.OK, "nobody traces it", _READING)
    name = read_text(Path(f"/proc/{facts.tracer_pid}/comm")) or "?"
    found = f"process {facts.tracer_pid} ({name}) traces it, and only one may"
    return MachineCheck("tracer", Status.MISSING, found, _READING, f"end {name}: kill {facts.tracer_pid}")


def _permission(pid: int, facts: ProcessFacts) -> MachineCheck:
    if not facts.has_memory:
        return MachineCheck("permission", Status.LIMITED, "it has no memory to ask for", _READING)
    right = "with CAP_SYS_PTRACE" if has_ptrace_capability() else "as its own user"
    return _tried("permission", lambda: require_memory(pid, facts), f"granted, {right}", _right(pid))


def _right(pid: int) -> str:
    """Return what to type where the right to read process ``pid`` is missing."""
    pod = (
        "in Kubernetes: kubectl debug -it POD --image=IMAGE --profile=sysadmin --target=CONTAINER -- "
        f"mapmedic doctor {pid}"
    )
    if has_ptrace_capability():
        return pod
    scope = read_text(_SCOPE) or "0"
    first = {
        "1": "sudo sysctl kernel.yama.ptrace_scope=0   (until the next boot), or ",
        "3": "have kernel.yama.ptrace_scope set to 1 at boot (3 cannot be lowered), then ",
    }.get(scope, "")
    return f"{first}sudo mapmedic doctor {pid}, or once: sudo setcap cap_sys_ptrace=ep PYTHON; {pod}"


def _tried(name: str, test: Callable[[], None], fine: str, next_: str) -> MachineCheck:
    try:
        test()
    except ProcessUnreadable as error:
        return MachineCheck(name, Status.MISSING, error.why, _READING, next_)
    return MachineCheck(name, Status.OK, fine, _READING)


def _program(program: ProgramFacts, pid: int) -> MachineCheck:
    enables = "finding Go's heap in its memory"
    if program.go_version is None:
        if not program.is_readable:
            return MachineCheck("program", Status.MISSING, "its file cannot be read", enables, _right(pid))
        found = "no Go build information: not a Go program, or one of Go before 1.18"
        children = f"pgrep -a -P {pid}   (its children: it may be a wrapper)"
        return MachineCheck("program", Status.MISSING, found, enables, children)
    try:
        layout_of(parse_version(program.go_version))
    except TargetUnsupported as error:
        return MachineCheck("program", Status.MISSING, str(error), enables, _OVER_HTTP)
    if program.stripped:
        found = f"{program.go_version}, stripped: global variables are named by the functions that touch them"
        return MachineCheck("program", Status.LIMITED, found, enables, "build without -ldflags=-s for names")
    return MachineCheck("program", Status.OK, program.go_version, enables)


def _confinement(facts: ProcessFacts) -> MachineCheck:
    enables = "forking a copy of it, which it hardly notices"
    bound = ", no_new_privs" if facts.no_new_privileges else ""
    if facts.is_confined:
        found = f"a seccomp filter{bound}: no copy is forked, as the filter could end it for that"
        return MachineCheck(
            "confinement", Status.LIMITED, found, enables, "none needed: another way is taken"
        )
    return MachineCheck("confinement", Status.OK, f"no seccomp filter{bound}", enables)


def _memory(cost: Cost, limits: Limits) -> MachineCheck:
    enables = "forking a copy of it, which it hardly notices"
    need = f"a copy may take {cost.fork_bytes / MIB:,.0f} MiB"
    if cost.free_bytes is None:
        return MachineCheck("memory", Status.LIMITED, f"{need}; nobody says how much is free", enables)
    found = f"{need}; {cost.free_bytes / MIB:,.0f} MiB are free to it and us"
    if cost.fork_bytes + limits.memory_floor_bytes > cost.free_bytes:
        found += f", of which {limits.memory_floor_bytes / MIB:,.0f} are to stay"
        return MachineCheck(
            "memory", Status.LIMITED, found, enables, "raise its memory limit, or --memory-floor 0"
        )
    return MachineCheck("memory", Status.OK, found, enables)


def _way(pid: int, cost: Cost, limits: Limits) -> WayFacts:
    way = choose_way(pid, cost, limits)
    return WayFacts(way.how, way.notes, cost.fork_ms, cost.freeze_ms, cost.fork_bytes, cost.free_bytes)


def _commands(pid: int, checks: tuple[MachineCheck, ...], program: ProgramFacts) -> tuple[CommandCheck, ...]:
    missing = next((check for check in checks if check.status is Status.MISSING), None)
    words = {
        "heap": f"mapmedic heap {pid}",
        "diagnose": f"mapmedic diagnose pid:{pid} --for 30s",
        "capture": f"mapmedic capture pid:{pid} -o FILE.mapmedic",
    }
    looks = [
        CommandCheck(name, True, "its memory can be read", typed)
        if missing is None
        else CommandCheck(name, False, f"{missing.name} forbids it", missing.next or _OVER_HTTP)
        for name, typed in words.items()
    ]
    return (*looks, _hotfix(pid, missing, program))


def _hotfix(pid: int, missing: MachineCheck | None, program: ProgramFacts) -> CommandCheck:
    if missing is None:
        typed = f"mapmedic hotfix {pid} --map OWNER   (the plan; nothing is changed)"
        return CommandCheck("hotfix", True, "one map at a time can be emptied from outside", typed)
    if program.has_agent:
        typed = "mapmedic hotfix http://HOST:PORT --map OWNER   (the plan; MAPMEDIC_TOKEN set)"
        return CommandCheck("hotfix", True, "the program has the agent, if it also serves it", typed)
    return CommandCheck("hotfix", False, f"{missing.name} forbids it", missing.next or _OVER_HTTP)
