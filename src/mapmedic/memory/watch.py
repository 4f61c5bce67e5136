"""What is looked at while memory is copied: how much is left to the process, how far the copy is."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

from mapmedic.errors import ProcessUnreadable
from mapmedic.model.units import MIB

_EVERY_SECONDS = 0.005


class Ticking:
    """Call each of ``works`` every few milliseconds, from a thread of its own, for the time of a with block.

    One that raises is not called again, the others are; what it raised is raised at the end of the block.
    """

    def __init__(self, works: Sequence[Callable[[], None]]) -> None:
        self._works = list(works)
        self._failures: list[Exception] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="mapmedic-watch", daemon=True)

    def __enter__(self) -> Ticking:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def _tick(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            for work in tuple(self._works):
                self._call(work)

    def _call(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as failure:
            # A bar that cannot be drawn must not end the watch over memory.
            self._works.remove(work)
            self._failures.append(failure)


class MemoryGuard:
    """Kill the copy of a process as soon as ``left()`` says less than ``floor_bytes``."""

    def __init__(self, copy: int, floor_bytes: int, left: Callable[[], int | None]) -> None:
        self._copy, self._floor, self._left = copy, floor_bytes, left
        self._found: int | None = None

    def check(self) -> None:
        """Look once."""
        left = self._left()
        if self._found is None and left is not None and left < self._floor:
            self._found = left
            # Its id is its own until our tracer has taken note of its end, which is after the copying.
            with suppress(ProcessLookupError):
                os.kill(self._copy, signal.SIGKILL)

    def require_never_tripped(self, pid: int) -> None:
        """Raise ProcessUnreadable where the copy of ``pid`` had to be killed."""
        if self._found is not None:
            why = (
                f"memory ran short while a copy of it was read: {self._found // MIB:,} MiB were left, and "
                f"{self._floor // MIB:,} are to stay (--memory-floor). The copy was killed"
            )
            raise ProcessUnreadable(pid, why, "no_memory")
