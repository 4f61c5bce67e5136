"""Registers, those of goroutines that a signal interrupted among them: its handler has them on a stack of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mapmedic.goheap.stacks import Stacks
from mapmedic.memory.reader import ReadPlaces, ThreadState
from mapmedic.model.safe_moment import Hindrance, Unsafe

Registers = tuple[int, NDArray[np.uint64]]
"""A thread, and what its registers hold."""
# Of a signal's context: r8 to r15, rdi to rsp (src/runtime/defs_linux_amd64.go, mcontext).
_SAVED_BYTES = 16 * 8


def saved_registers(read: ReadPlaces, stacks: Stacks) -> list[Registers | None]:
    """Return what each signal's handler was given of the thread it came to; None where that cannot be read."""
    interrupted = np.flatnonzero(stacks.context)
    threads = stacks.thread[interrupted].tolist()
    found = read([(at, _SAVED_BYTES) for at in stacks.context[interrupted].tolist()])
    return [
        None if raw is None else (thread, np.frombuffer(raw, dtype="<u8"))
        for thread, raw in zip(threads, found, strict=True)
    ]


def registers_of(
    read: ReadPlaces, threads: Sequence[ThreadState], stacks: Stacks
) -> list[Registers] | Unsafe:
    """Return the registers of each thread, and beside them those that are to be its again when a signal is handled."""
    now = [(each.id, np.array(each.registers, dtype="<u8")) for each in threads]
    saved = [each for each in saved_registers(read, stacks) if each is not None]
    if len(saved) < np.count_nonzero(stacks.context):
        return Unsafe(Hindrance.STACK_UNKNOWN, "registers that a signal saved cannot be read")
    return [*now, *saved]
