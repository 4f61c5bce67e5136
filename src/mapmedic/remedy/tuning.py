"""What would be set of a running program's collector, from outside; nothing is changed."""

from __future__ import annotations

from mapmedic.goheap.gc_words import find_gc_words, heap_minimum_bytes
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import exe_path, started_ticks
from mapmedic.memory.program import read_program
from mapmedic.model.gc_words import NO_MEMORY_LIMIT, GcWord, GcWords
from mapmedic.model.remedy import Condition
from mapmedic.model.tuning import SettingChange, TunePlan, TuneRequest, WordWrite
from mapmedic.model.units import MIB
from mapmedic.remedy.forced_gc import may_force

OFF = -1
# When a write is seen: src/runtime/mgcpacer.go, memoryLimitHeapGoal reads memoryLimit whenever a trigger is asked for;
# gcControllerCommit hands it to the scavenger, and reckons with gcPercent and heapMinimum, as a collection ends.
_LIMIT_EFFECT = (
    "when to collect: from the next allocations on; what goes back to the system: as the next collection ends"
)
_PERCENT_EFFECT = "as the next collection ends: the one after it is the first that comes sooner or later"
_TRACE_EFFECT = (
    "from the next collection on; a line for each goes to the program's standard error while it is on"
)


def plan_tuning(pid: int, request: TuneRequest) -> TunePlan:
    """Return what ``request`` would change in process ``pid``, and what its collector says now.

    ProcessUnreadable where it cannot be read, HeapUnreadable or TargetUnsupported where it is no Go program.
    """
    # First: should it end, and its number be given to another, that one is not taken for it.
    started, facts = started_ticks(pid), require_readable(pid)
    words = find_gc_words(read_program(pid))
    changes = _changes(words, request)
    return TunePlan(
        pid=pid,
        program=exe_path(pid),
        started_ticks=started,
        words=words,
        resident_bytes=facts.resident_bytes,
        changes=changes,
        conditions=_conditions(words, request),
        notes=_notes(words, request, facts.resident_bytes),
        collections=request.collections,
    )


def _changes(words: GcWords, request: TuneRequest) -> tuple[SettingChange, ...]:
    changes = []
    if request.percent is not None and words.percent and words.heap_minimum:
        minimum = heap_minimum_bytes(request.percent)
        writes = (_write(words.percent, request.percent), _write(words.heap_minimum, minimum))
        changes.append(_change("GOGC", writes, _PERCENT_EFFECT))
    if request.memory_limit is not None and words.memory_limit:
        changes.append(
            _change("GOMEMLIMIT", (_write(words.memory_limit, request.memory_limit),), _LIMIT_EFFECT)
        )
    if request.trace is not None and words.trace:
        changes.append(_change("gctrace", (_write(words.trace, request.trace),), _TRACE_EFFECT))
    return tuple(changes)


def _change(name: str, writes: tuple[WordWrite, ...], takes_effect: str) -> SettingChange:
    return SettingChange(name, writes[0].before, writes[0].after, takes_effect, writes)


def _write(word: GcWord, after: int) -> WordWrite:
    return WordWrite(word.address, word.width_bytes, word.value, after)


def _conditions(words: GcWords, request: TuneRequest) -> tuple[Condition, ...]:
    wanted = (
        ("GOGC", request.percent, words.percent),
        ("GOMEMLIMIT", request.memory_limit, words.memory_limit),
        ("gctrace", request.trace, words.trace),
    )
    found = [_found(name, word) for name, value, word in wanted if value is not None]
    return (*found, *([may_force(words)] if request.collections else []))


def _found(name: str, word: GcWord | None) -> Condition:
    if word is None:
        why = "the runtime's code and its data do not agree on where it is: nothing is guessed"
        return Condition(f"where {name} is kept is known", False, why)
    return Condition(
        f"where {name} is kept is known", True, f"at {word.address:#x}, by the code that reads it"
    )


def _notes(words: GcWords, request: TuneRequest, resident_bytes: int) -> tuple[str, ...]:
    notes = []
    limit = request.memory_limit
    if limit is not None and limit < resident_bytes:
        notes.append(
            f"the limit is below the {resident_bytes // MIB:,} MiB that are in RAM now: until they shrink the "
            "collector runs again and again, for up to half of the CPU (the runtime's own bound)"
        )
    unlimited = (limit or (words.memory_limit.value if words.memory_limit else 0)) == NO_MEMORY_LIMIT
    if request.percent == OFF and unlimited:
        notes.append("with GOGC off and no GOMEMLIMIT nothing is collected any more: memory only grows")
    if request.collections:
        notes.append(
            "a program in which nothing happens is woken by a connection to a port that it listens on; without one it "
            "may sleep for a minute before it looks at the time"
        )
    if (request.percent, limit, request.trace) != (None, None, None):
        notes.append("what the program itself sets by runtime/debug later takes the place of this")
    return tuple(notes)
