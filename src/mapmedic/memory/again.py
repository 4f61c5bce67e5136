"""Read a process again, a little of it: while it runs, or in a stop so short that nobody notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.reader import Place, ReadPlaces

Result = TypeVar("Result")


class ProcessAgain:
    """Process ``pid``, which may stand still for ``max_pause_ms`` each time.

    ``stops`` is how often it stood still, ``longest_pause_ns`` for how long at most.
    """

    def __init__(self, pid: int, max_pause_ms: float) -> None:
        self.stops = 0
        self.longest_pause_ns = 0
        self._pid, self._max_pause_ns = pid, int(max_pause_ms * 1e6)

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places`` while it runs, None where it cannot be read.

        ProcessUnreadable where it has ended.
        """
        try:
            return _native.read_scattered(self._pid, places)
        except _native.WindowFailed as error:
            raise ProcessUnreadable(self._pid, "it ended while it was looked at", "ended") from error

    def read_standing(self, ask: Callable[[ReadPlaces], Result]) -> Result | None:
        """Return what ``ask`` makes of reads that are all of one moment; None where the time was too short for that."""
        try:
            held = _native.stop_process(self._pid, self._max_pause_ns)
        except _native.WindowFailed:
            return None
        try:
            found = ask(self.read)
        finally:
            in_time = self._release(held)
        return found if in_time else None

    def _release(self, held: _native.Held) -> bool:
        self.stops += 1
        try:
            pause_ns, _ = held.release()
        except _native.WindowFailed:
            # It was let go when its time was up.
            self.longest_pause_ns = max(self.longest_pause_ns, self._max_pause_ns)
            return False
        self.longest_pause_ns = max(self.longest_pause_ns, pause_ns)
        return True
