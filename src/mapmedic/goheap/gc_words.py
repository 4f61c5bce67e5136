"""Find the words that steer the garbage collector, and those that tell where it stands.

Found without symbols, each in two ways that must agree: the runtime's own code names it, and it holds what only it
can hold. Upstream: src/runtime/mgcpacer.go (gcControllerState), mgc.go (gcTrigger.test), proc.go (forcegcperiod,
sysmon), runtime1.go (dbgvars); the same from Go 1.21 to 1.27.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from mapmedic import _native
from mapmedic.goheap.program import Globals, find_module, variables_of
from mapmedic.goheap.stacks import readable_tables
from mapmedic.memory.reader import Memory
from mapmedic.model.gc_words import GcWord, GcWords

# forcegcperiod: two minutes.
USUAL_PERIOD_NS = 120 * 10**9
# gcControllerState: gcPercent int32, memoryLimit int64, heapMinimum uint64.
_MEMORY_LIMIT, _HEAP_MINIMUM = 8, 16
_USUAL_MINIMUM_BYTES, _USUAL_PERCENT = 4 << 20, 100
_WORD = (1 << 64) - 1
# Who reads or writes what: mgc.go (gcTrigger.test, gcStart, gcMarkTermination), proc.go, mgcpacer.go.
_ON_TRIGGER, _ON_WATCH, _ON_COMMIT = "runtime.gcTrigger.test", "runtime.sysmon", "runtime.gcControllerCommit"
_ON_START, _ON_END = "runtime.gcStart", "runtime.gcMarkTermination"
# gcControllerState.heapLive, which all of these read too.
_HEAP_LIVE = 104
# _GCoff, _GCmark, _GCmarktermination.
_LAST_PHASE = 2
# dbgVar: a string (pointer, length), then a pointer to an int32.
_TRACE = b"gctrace"


def find_gc_words(memory: Memory) -> GcWords:
    """Return each word that is found beyond doubt in ``memory`` (the program's own mappings are enough).

    HeapUnreadable where there is no Go program; what is not found is None.
    """
    module = find_module(memory)
    variables = variables_of(memory, module)
    with readable_tables():
        code = _native.GoCode(memory.image, module)

    def named_by(function: str) -> frozenset[int]:
        return frozenset(code.operands(function, *variables) or ())

    tested, starts, ends = named_by(_ON_TRIGGER), named_by(_ON_START), named_by(_ON_END)
    controller = _find_controller(memory, tested, named_by(_ON_COMMIT))
    own = {controller, controller and controller + _HEAP_LIVE}
    phase = _only(memory, (tested & starts & ends) - own, 4)
    return GcWords(
        percent=_word(memory, controller, 0, 4),
        memory_limit=_word(memory, controller, _MEMORY_LIMIT, 8),
        heap_minimum=_word(memory, controller, _HEAP_MINIMUM, 8),
        force_period=_find_period(memory, tested & named_by(_ON_WATCH)),
        trace=_find_trace(memory, Globals(memory, module)),
        phase=phase if phase and 0 <= phase.value <= _LAST_PHASE else None,
        cycles=_only(memory, (tested & starts) - ends, 4),
        finished_at=_only(memory, (tested & ends) - starts, 8),
    )


def heap_minimum_bytes(percent: int) -> int:
    """Return the least heap goal that goes with GOGC=``percent``, as gcControllerState.setGCPercent reckons it."""
    return (_USUAL_MINIMUM_BYTES * percent & _WORD) // _USUAL_PERCENT


def _find_controller(memory: Memory, by_trigger: AbstractSet[int], by_commit: AbstractSet[int]) -> int | None:
    """Return where gcController is: three words that fit each other, the first two named by who reads them."""
    found = [
        at for at in by_trigger
        if at + _MEMORY_LIMIT in by_commit and _is_controller(memory, at)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _is_controller(memory: Memory, at: int) -> bool:
    words = memory.words(at, "i4xqQ")
    return words is not None and words[1] >= 0 and words[2] == heap_minimum_bytes(words[0])


def _find_period(memory: Memory, named: AbstractSet[int]) -> GcWord | None:
    """Return forcegcperiod; None where its value is not the usual one: then a journal knows who changed it."""
    return _only(memory, {at for at in named if memory.word(at) == USUAL_PERIOD_NS}, 8)


def _find_trace(memory: Memory, variables: Globals) -> GcWord | None:
    """Return debug.gctrace: what the entry called gctrace in the list of GODEBUG variables leads to."""
    found = {
        target for at in _entries(variables)
        if (target := _named_gctrace(memory, at, variables)) is not None
    }  # fmt: skip
    return _only(memory, found, 4)


def _entries(variables: Globals) -> Iterator[int]:
    """Yield where a pointer and a length of seven lie side by side."""
    for index in (variables.words[1:] == len(_TRACE)).nonzero()[0].tolist():
        yield variables.start + index * 8


def _named_gctrace(memory: Memory, at: int, variables: Globals) -> int | None:
    words = memory.words(at, "3Q")
    low, high = variables.range
    if words is None or memory.read(words[0], len(_TRACE)) != _TRACE:
        return None
    return words[2] if low <= words[2] < high and words[2] % 4 == 0 else None


def _only(memory: Memory, found: AbstractSet[int], width_bytes: int) -> GcWord | None:
    """Return the word at the one address in ``found``; None where there are more, or none."""
    return _word(memory, next(iter(found)), 0, width_bytes) if len(found) == 1 else None


def _word(memory: Memory, base: int | None, offset: int, width_bytes: int) -> GcWord | None:
    if base is None or (raw := memory.read(base + offset, width_bytes)) is None:
        return None
    (value,) = struct.unpack("<i" if width_bytes == 4 else "<q", raw)
    return GcWord(base + offset, width_bytes, value)
