"""Every goroutine's stack, frame by frame, as the runtime itself would unwind it.

By the program's own tables in its own memory (docs/concepts/pclntab.md), so symbols and debug information are not
needed. Where a stack cannot be unwound to its end, that is said, and why.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mapmedic import _native
from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.runtime import Runtime
from mapmedic.goheap.stack_layouts import stack_layout
from mapmedic.memory.reader import Memory


class Found(IntEnum):
    """Where a goroutine was found.

    RUNNING: its thread ran it. ON_SYSTEM_STACK: its thread ran the runtime's or C code on another stack meanwhile;
    these frames are not listed. INTERRUPTED: a signal's handler stood on top of it.
    """

    NOWHERE = 0
    PARKED = 1
    IN_SYSTEM_CALL = 2
    RUNNING = 3
    ON_SYSTEM_STACK = 4
    INTERRUPTED = 5


class End(IntEnum):
    """How the unwinding of a stack ended; all but WHOLE and NO_STACK leave frames unknown."""

    WHOLE = 0
    NO_STACK = 1
    NO_THREAD = 2
    NO_FUNCTION = 3
    MOVED_STACK = 4
    OUT_OF_BOUNDS = 5
    BEING_COPIED = 6
    UNREADABLE = 7
    TOO_DEEP = 8

    @property
    def is_complete(self) -> bool:
        """Tell whether every frame that there is was found."""
        return self in (End.WHOLE, End.NO_STACK)


_MOST_SAID = 10
_WORD_COLUMNS: Final = (
    "id", "thread", "context", "used_low", "used_high", "low", "high", "pc", "call", "entry", "sp", "fp",
)  # fmt: skip
_WHY = {
    End.NO_THREAD: "it runs, and the registers of its thread are not known",
    End.NO_FUNCTION: "an address on it is in no Go function",
    End.MOVED_STACK: "it stands in a function that moves the stack pointer by hand",
    End.OUT_OF_BOUNDS: "a frame does not lie on it",
    End.BEING_COPIED: "it was being moved",
    End.UNREADABLE: "it cannot be read",
    End.TOO_DEEP: "there are too many frames",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, [low, high) on the stack: of ``functions``, the innermost inlined call first.

    ``pc``: the instruction it stands at, or the one behind its call; ``call``: an address within that. ``entry`` is
    that of the function that was not inlined, the last of ``functions``.
    """

    functions: tuple[str, ...]
    entry: int
    pc: int
    call: int
    low: int
    high: int

    @property
    def function(self) -> str:
        """Return the function whose frame it is."""
        return self.functions[-1]


@dataclass(frozen=True, slots=True)
class Stack:
    """One goroutine's frames, innermost first; ``why`` says what keeps them from being all ("" for nothing)."""

    goroutine: int
    found: Found
    end: End
    low: int
    high: int
    frames: tuple[Frame, ...]

    @property
    def why(self) -> str:
        """Return why frames are missing; "" where none is."""
        return _WHY.get(self.end, "")


@dataclass(frozen=True, slots=True, eq=False)
class StackWords:
    """Words of stacks, the addresses they lie at, and the words before them.

    ``start``: goroutine -> its first one (and one entry more).
    """

    start: NDArray[np.int64]
    address: NDArray[np.uint64]
    word: NDArray[np.uint64]
    before: NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Stacks:
    """All stacks as columns: goroutine -> value, and frame -> value from ``frame_start`` on.

    ``used_low``, ``used_high``: the part in use. ``thread``: who runs it (0 for nobody); ``context``: where the
    registers lie that a signal's handler was given (0 for none). ``certain`` words are live pointers by the
    program's own account; ``doubtful`` ones lie where it gives none, and may be pointers.
    """

    code: _native.GoCode
    certain: StackWords
    doubtful: StackWords
    id: NDArray[np.uint64]
    thread: NDArray[np.uint64]
    context: NDArray[np.uint64]
    used_low: NDArray[np.uint64]
    used_high: NDArray[np.uint64]
    found: NDArray[np.uint8]
    end: NDArray[np.uint8]
    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    frame_start: NDArray[np.int64]
    pc: NDArray[np.uint64]
    call: NDArray[np.uint64]
    entry: NDArray[np.uint64]
    sp: NDArray[np.uint64]
    fp: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.id)

    def unread(self) -> tuple[str, ...]:
        """Return a sentence for each stack that could not be read, or unwound to its end."""
        cut = np.flatnonzero((self.end != End.WHOLE) & (self.end != End.NO_STACK)).tolist()
        said = [
            f"the stack of goroutine {self.id[n]}: {_WHY[End(int(self.end[n]))]}" for n in cut[:_MOST_SAID]
        ]
        more = (f"the stacks of {len(cut) - _MOST_SAID:,} more goroutines",) if len(cut) > _MOST_SAID else ()
        return (*said, *more)

    def used(self) -> list[tuple[int, int]]:
        """Return [low, high) of the used part of each stack."""
        both = zip(self.used_low.tolist(), self.used_high.tolist(), strict=True)
        return [(low, high) for low, high in both if low < high]

    def stack(self, index: int) -> Stack:
        """Return the stack of goroutine number ``index``, in the order of ``runtime.goroutines``."""
        begin, end = int(self.frame_start[index]), int(self.frame_start[index + 1])
        return Stack(
            int(self.id[index]),
            Found(int(self.found[index])),
            End(int(self.end[index])),
            int(self.low[index]),
            int(self.high[index]),
            tuple(self._frame(number) for number in range(begin, end)),
        )

    def frame_at(self, address: int) -> Frame | None:
        """Return the frame that the word at ``address`` is of; None where it is of none that is known.

        Arguments lie where their caller keeps them, and are of the frame that was called.
        """
        index = self.index_at(address)
        if index is None:
            return None
        begin, end = int(self.frame_start[index]), int(self.frame_start[index + 1])
        number = begin + int(np.searchsorted(self.fp[begin:end], address, side="right"))
        if number > begin:
            with readable_tables():
                function = self.code.function(int(self.entry[number - 1]))
            if function is not None and address < int(self.fp[number - 1]) + function[2]:
                return self._frame(number - 1)
        return self._frame(number) if number < end and self.sp[number] <= address else None

    def _frame(self, number: int) -> Frame:
        return Frame(
            self._functions[int(self._place[number])],
            int(self.entry[number]),
            int(self.pc[number]),
            int(self.call[number]),
            int(self.sp[number]),
            int(self.fp[number]),
        )

    def index_at(self, address: int) -> int | None:
        """Return the number of the goroutine on whose stack ``address`` lies; None for none."""
        place = int(bisect_right(self._lows, address)) - 1
        if place < 0:
            return None
        index = int(self._by_low[place])
        return index if address < self.high[index] else None

    @cached_property
    def _lows(self) -> list[int]:
        lows: list[int] = np.sort(self.low).tolist()
        return lows

    @cached_property
    def _by_low(self) -> NDArray[np.int64]:
        return np.argsort(self.low, kind="stable")

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        return np.unique(self.call, return_inverse=True)[1]

    @cached_property
    def _functions(self) -> list[tuple[str, ...]]:
        """Distinct call address -> the functions there, the innermost inlined one first."""
        with readable_tables():
            named = self.code.frames(np.unique(self.call).tobytes())
        starts = np.frombuffer(named["frame_start"], dtype="<i8").tolist()
        numbers = np.frombuffer(named["function"], dtype="<i4").tolist()
        names = named["names"]
        return [tuple(names[number] for number in numbers[begin:end]) for begin, end in pairwise(starts)]


@contextmanager
def readable_tables() -> Iterator[None]:
    """Raise HeapUnreadable where the program's table of functions is damaged."""
    try:
        yield
    except _native.Malformed as error:
        raise HeapUnreadable(f"the program's table of functions: {error.args[0]}") from error


def read_code(memory: Memory, runtime: Runtime) -> _native.GoCode:
    """Return the program's functions as they lie in ``memory``; HeapUnreadable where they cannot be read."""
    with readable_tables():
        return _native.GoCode(memory.image, runtime.module)


def unwind_stacks(memory: Memory, runtime: Runtime, code: _native.GoCode) -> Stacks:
    """Return the stack of every goroutine; HeapUnreadable where the tables to unwind by are damaged."""
    threads = [(t.id, int(t.stack_pointer), int(t.instruction_pointer)) for t in memory.threads]
    goroutines = np.array(runtime.goroutines, dtype="<u8").tobytes()
    with readable_tables():
        columns = code.unwind(stack_layout(runtime.build), goroutines, threads)
    return stacks_of(code, columns)


def stacks_of(code: _native.GoCode, columns: _native.StackColumns) -> Stacks:
    """Return what the native core says of stacks as numbers."""
    words = {name: np.frombuffer(columns[name], dtype="<u8") for name in _WORD_COLUMNS}
    return Stacks(
        code=code,
        certain=_words(
            columns["certain_start"],
            columns["certain_address"],
            columns["certain_word"],
            columns["certain_before"],
        ),
        doubtful=_words(
            columns["doubtful_start"],
            columns["doubtful_address"],
            columns["doubtful_word"],
            columns["doubtful_before"],
        ),
        found=np.frombuffer(columns["found"], dtype="u1"),
        end=np.frombuffer(columns["end"], dtype="u1"),
        frame_start=np.frombuffer(columns["frame_start"], dtype="<i8"),
        **words,
    )


def _words(start: bytes, *columns: bytes) -> StackWords:
    return StackWords(
        np.frombuffer(start, dtype="<i8"), *(np.frombuffer(column, dtype="<u8") for column in columns)
    )
