"""What a call by runtime.debugCallV2 needs to know of a program (src/runtime/debugcall.go, asm_amd64.s)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapmedic.goheap.build import GoBuild
from mapmedic.goheap.locks import READER_COUNT, READER_WAIT
from mapmedic.goheap.stack_layouts import call_places
from mapmedic.model.call import CallSite
from mapmedic.model.go_binary import FunctionTable
from mapmedic.model.map_lock import LockKind, MapLock

_DEBUG_CALL = "runtime.debugCallV2"
_SPEAKERS = (_DEBUG_CALL, "runtime.debugCallPanicked", "debugCall")
# Not to be interrupted: the runtime and what is close to it (src/runtime/preempt.go, isAsyncSafePoint), and locks, of
# which nobody could say in the middle of their steps who has them. Code in C and the linker's own has no package.
_LEFT_ALONE = (
    "runtime.", "runtime/", "internal/runtime/", "reflect.", "sync.", "sync/", "internal/sync.", "internal/abi.",
    "type:", "go:", "_",
)  # fmt: skip
# src/internal/abi/symtab.go, FuncFlagAsm: it says nothing of what its registers hold.
_IN_ASSEMBLY = 4
# src/sync/mutex.go: mutexLocked, and mutexStarving, in which who has just unlocked it may still have to hand it over.
_TAKEN = 1 | 4
_ALL = 0xFFFFFFFF


def find_call_site(
    functions: FunctionTable, text_end: int, build: GoBuild, entry: int, locks: Sequence[MapLock]
) -> CallSite:
    """Return where a call of the function at ``entry`` may be made in a program of ``functions``."""
    entries = [int(each) for each in functions.entry]
    ranges = list(zip(entries, [*entries[1:], text_end], strict=True))
    named = list(zip(functions.names, ranges, functions.flags.tolist(), strict=True))
    debug_call = next((each[0] for name, each, _ in named if name == _DEBUG_CALL), 0)
    return CallSite(
        function=entry,
        debug_call=debug_call,
        speakers=tuple(each for name, each, _ in named if name.startswith(_SPEAKERS)),
        may_interrupt=tuple(_joined(each for name, each, flags in named if _may_be_interrupted(name, flags))),
        places=call_places(build),
        free=tuple(word for lock in locks for word in _words_of(lock)),
    )


def _may_be_interrupted(name: str, flags: int) -> bool:
    return "." in name and not name.startswith(_LEFT_ALONE) and not flags & _IN_ASSEMBLY


def _joined(ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begin = end = 0
    for start, stop in ranges:
        if start != end:
            if end:
                yield begin, end
            begin = start
        end = stop
    if end:
        yield begin, end


def _words_of(lock: MapLock) -> Iterator[tuple[int, int]]:
    """Yield the words that are 0 under their masks while nobody has ``lock``; the first is that of its mutex."""
    yield lock.address, _TAKEN
    if lock.kind is LockKind.RW_MUTEX:
        yield lock.address + READER_COUNT, _ALL
        yield lock.address + READER_WAIT, _ALL
