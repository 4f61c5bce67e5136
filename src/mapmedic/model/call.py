"""A call of a function of the program's own, in a process without an agent: what its plan says, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mapmedic.model.map_lock import MapLock


@dataclass(frozen=True, slots=True)
class CallSite:
    """What the runtime's protocol for a call needs: addresses in the process, ranges as [start, end).

    ``debug_call`` is runtime.debugCallV2, 0 where the program has none; ``speakers`` is the code that traps for it.
    ``may_interrupt``: code of the program's own, in order. ``places``: where g.m, g.atomicstatus, m.curg, m.mallocing
    lie in a g and an m. ``free``: (address, mask) of words that are 0 while nobody has the locks of the function.
    """

    function: int
    debug_call: int
    speakers: tuple[tuple[int, int], ...]
    may_interrupt: tuple[tuple[int, int], ...]
    places: tuple[int, int, int, int]
    free: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Which function of which process would be called, and what that risks.

    ``started_ticks`` (since boot) names the process with ``pid``. ``locks`` are those that its code is seen to take, or
    that were named: none of them is held by the goroutine that is interrupted; ``other_locks``: it takes more. A thread
    is looked for ``wait_ms``; a call that takes longer than ``limit_ms`` is told, and waited for by the guardian alone.
    """

    pid: int
    started_ticks: int
    program: str
    build_id: str | None
    go_version: str
    function: str
    address: int
    file: str
    line: int
    locks: tuple[MapLock, ...]
    other_locks: bool
    risks: tuple[str, ...]
    wait_ms: float
    limit_ms: float
    collections: int
    journal_folder: str


class CallEnd(StrEnum):
    """How a call ended, as far as it was waited for."""

    RETURNED = "returned"
    PANICKED = "panicked"
    RUNNING = "running"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CallDone:
    """A call that was made: on which ``thread``, watched by the process ``guardian``, how it ended, after how long.

    ``panic``: the type of the panic's value and, where it is a text, what it says. ``is_let_go``: nobody traces the
    thread any more.
    """

    end: CallEnd
    thread: int
    guardian: int
    ran_ms: float
    panic: str | None = None
    is_let_go: bool = True
