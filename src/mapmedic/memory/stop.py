"""One object owns a stop of the target: what is read, checked and written in the same moment goes through it.

The kernel ties the stop to a thread of ours (``native/src/process/window.rs``): however we end, every thread of the
target runs on, and nothing of us is left in it. That thread also lets go when the time is up, asked or not, and it
alone writes: so nothing is ever written into a process that runs. Only ``remedy`` may import this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic_ns

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.reader import Place
from mapmedic.memory.threads import threads_of
from mapmedic.memory.unreadable import why_unreadable

_NS_PER_MS = 1_000_000


class Stop:
    """Process ``pid``, every thread of which stands still.

    ``pause_ns`` is how long it stood still, once it was let go; ``was_late`` tells whether that was because its time
    was up, so that what was read is of no single moment.
    """

    def __init__(self, held: _native.Held, budget_ns: int) -> None:
        self.pid = held.pid
        self.threads = threads_of(held, held.pid)
        self.pause_ns = 0
        self.was_late = False
        self.held = held
        self._budget_ns = budget_ns
        self._until_ns = monotonic_ns() + budget_ns

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places``, None where it cannot be read; ProcessUnreadable where it ended."""
        try:
            return _native.read_scattered(self.pid, places)
        except _native.WindowFailed as error:
            raise ProcessUnreadable(self.pid, "it ended while it was looked at", "ended") from error

    @property
    def left_ns(self) -> int:
        """Return how much longer it may stand still, by our own clock."""
        return max(0, self._until_ns - monotonic_ns())

    def release(self) -> None:
        """Let every thread go; once is enough, and the end of ours does the same."""
        try:
            self.pause_ns, _ = self.held.release()
        except _native.WindowFailed as error:
            if error.args[0] == "too_slow":
                self.pause_ns, self.was_late = self._budget_ns, True


@contextmanager
def stop(pid: int, facts: ProcessFacts, budget_ms: float) -> Iterator[Stop]:
    """Stop every thread of ``pid`` for ``budget_ms`` at most, and let go in any case.

    ``facts`` are what ``require_readable`` said of it. ProcessUnreadable, with every thread running, where it
    cannot be stopped within that time (cause too_slow) or at all.
    """
    budget_ns = int(budget_ms * _NS_PER_MS)
    try:
        held = _native.stop_process(pid, budget_ns)
    except _native.WindowFailed as error:
        raise why_unreadable(pid, facts, error, budget_ms) from error
    standing = Stop(held, budget_ns)
    try:
        yield standing
    finally:
        standing.release()
