"""The plan for a call of a function of the program's own; the program is read while it runs, and nothing is stopped.

Only the program is looked at, not its heap: what the function does to which map nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapmedic.capture.functions import read_functions
from mapmedic.errors import UsageError
from mapmedic.goheap.build import read_build
from mapmedic.goheap.call_site import find_call_site
from mapmedic.goheap.function_names import find_function, why_not_callable
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.goheap.layouts import layout_of
from mapmedic.goheap.program_code import ProgramCode, read_code
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import exe_path, started_ticks, tracer_of_a_thread
from mapmedic.memory.program import read_program
from mapmedic.model.call import CallPlan, CallSite
from mapmedic.model.gc_words import GcWords
from mapmedic.model.map_lock import LockKind, MapLock
from mapmedic.model.remedy import Condition, FixPlan
from mapmedic.remedy.forced_gc import may_force
from mapmedic.remedy.journal import default_folder
from mapmedic.remedy.operator import operator_condition
from mapmedic.remedy.outside.call_risks import pause_of, risks_of, steps_of
from mapmedic.remedy.outside.conditions import journal_condition

_COLLECTIONS = 3
_LOCK = re.compile(r"(0[xX][0-9a-fA-F]{1,16}):(?:sync\.)?(Mutex|RWMutex)")
_UNDO = (
    "none: nobody knows what the function does, no entry is saved, and a call under way cannot be taken back"
)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What the operator asks for: the ``function`` by name, ``locks`` that it takes and that its code does not show.

    A thread to call it on is looked for ``wait_ms``; after ``limit_ms`` it is told that the function still runs.
    """

    function: str
    locks: tuple[str, ...] = ()
    return_memory: bool = True
    wait_ms: float = 10_000.0
    limit_ms: float = 10_000.0
    journal_folder: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCall:
    """A plan, and what it takes to carry it out."""

    plan: FixPlan
    call: CallPlan
    site: CallSite
    words: GcWords
    code: ProgramCode


def plan_call(pid: int, request: CallRequest) -> PreparedCall:
    """Return the plan for the call that ``request`` names in process ``pid``.

    UsageError where no function, or more than one, is called that; CouldNotLook where the process cannot be read.
    """
    # First: should it end, and its number be given to another, that one is not taken for it.
    started = started_ticks(pid)
    require_readable(pid)
    memory = read_program(pid)
    build = read_build(memory)
    layout_of(build)  # refuses a version that nobody has looked at
    code = read_code(memory)
    functions, build_id = read_functions(pid, code.text)
    at = find_function(functions.names, request.function)
    name, entry = functions.names[at], int(functions.entry[at])
    found, others = code.locks_taken(entry)
    locks = (*_seen(found), *_told(request.locks, found))
    site = find_call_site(functions, code.text[1], build, entry, locks)
    words = find_gc_words(memory)
    file, line = code.place_of(entry)
    folder = request.journal_folder or default_folder()
    collections = _COLLECTIONS if request.return_memory and may_force(words).holds else 0
    call = CallPlan(
        pid=pid, started_ticks=started, program=exe_path(pid), build_id=build_id, go_version=build.version,
        function=name, address=entry, file=file, line=line, locks=locks, other_locks=others and not request.locks,
        risks=risks_of(locks, other_locks=others and not request.locks), wait_ms=request.wait_ms,
        limit_ms=request.limit_ms, collections=collections, journal_folder=str(folder),
    )  # fmt: skip
    conditions = (
        _permission(pid),
        Condition("Go version", True, f"{build.version}, whose protocol for calls is known"),
        _callable(name, int(functions.arguments_bytes[at])),
        _protocol(site),
        operator_condition(pid),
        journal_condition(folder),
    )
    return PreparedCall(_plan(call, conditions, words, request), call, site, words, code)


def _plan(call: CallPlan, conditions: Sequence[Condition], words: GcWords, request: CallRequest) -> FixPlan:
    force = may_force(words)
    notes = [pause_of(call)]
    if request.return_memory and not force.holds:
        notes.append(f"no collection can be forced: {force.why}; memory comes back when the program collects")
    return FixPlan(
        target=f"pid:{call.pid}",
        map=call.function,
        kind="function",
        type="func()",
        strategy="call",
        entries=None,
        steps=steps_of(call),
        conditions=tuple(conditions),
        undo=_UNDO,
        notes=tuple(notes),
        hold_seconds=0,
        return_memory=request.return_memory,
        call=call,
    )


def _permission(pid: int) -> Condition:
    """Return whether a thread of it may be had; a guardian that still waits for a call has one."""
    tracer = tracer_of_a_thread(pid)
    why = f"process {tracer} traces a thread of it (a guardian whose call still runs, or a debugger)"
    return Condition(
        "permission", not tracer, why if tracer else "its program was read, and nobody traces it"
    )


def _callable(name: str, arguments_bytes: int) -> Condition:
    why = why_not_callable(name, arguments_bytes)
    said = f"{name}: {why}" if why else f"{name}: the program's table shows neither receiver nor arguments"
    return Condition("a function without arguments", why is None, said)


def _protocol(site: CallSite) -> Condition:
    name = "the runtime's protocol for calls"
    if not site.debug_call:
        why = "runtime.debugCallV2 is not in the program: it was linked without it, or its names were changed"
        return Condition(name, False, why)
    return Condition(name, True, f"runtime.debugCallV2 at {site.debug_call:#x}")


def _seen(found: dict[int, LockKind]) -> Iterator[MapLock]:
    for address, kind in sorted(found.items()):
        yield MapLock(kind, address, "the function's own code, or that of one it calls, takes it")


def _told(told: Sequence[str], found: dict[int, LockKind]) -> Iterator[MapLock]:
    for text in told:
        match = _LOCK.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--lock {text}: with --call a lock is named by address and kind, as 0xc000123450:Mutex"
            )
        address = int(match[1], 16)
        if address not in found:
            yield MapLock(LockKind(f"sync.{match[2]}"), address, "--lock")
