"""One object owns a stop of the target: what is read, checked and written in the same moment goes through it.

The kernel ties the stop to a thread of ours (``native/src/process/window.rs``): however we end, every thread of the
target runs on, and nothing of us is left in it. That thread also lets go when the time is up, asked or not, and it
alone writes: so nothing is ever written into a process that runs. Only ``remedy`` may import this.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic_ns

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.reader import Address, Place
from mapmedic.memory.threads import threads_of
from mapmedic.memory.unreadable import fork_refusal, why_unreadable
from mapmedic.model.watched_word import CaughtWrite

_NS_PER_MS = 1_000_000


class Stop:
    """Process ``pid``, every thread of which stands still.

    ``pause_ns`` is how long it stood still, once it was let go; ``was_late`` tells whether that was because its time
    was up, so that what was read is of no single moment. ``writes``: which threads stand right behind a write that was
    waited for (memory.catch), and have done nothing since.
    """

    def __init__(
        self,
        held: _native.Held,
        facts: ProcessFacts,
        budget_ns: int,
        writes: tuple[CaughtWrite, ...] = (),
        *,
        guarded: bool = False,
    ) -> None:
        self.pid = held.pid
        self.threads = threads_of(held, held.pid, is_elsewhere=len(facts.ids) > 1)
        self.writes = writes
        self.pause_ns = 0
        self.was_late = False
        self.held = held
        self.guarded = guarded
        self._budget_ns = budget_ns
        self._until_ns = monotonic_ns() + budget_ns

    def read(self, places: Sequence[Place]) -> list[bytes | None]:
        """Return what lies at each of ``places``, None where it cannot be read; ProcessUnreadable where it ended."""
        try:
            return _native.read_scattered(self.pid, places)
        except _native.WindowFailed as error:
            raise ProcessUnreadable(self.pid, "it ended while it was looked at", "ended") from error

    def fork(self, room: Address) -> _native.Held:
        """Return a frozen copy of it as of now, one for each stop; it outlives the stop until it is let go.

        ``room`` as ``find_room`` has it. ProcessUnreadable where there is none: the stop is over then.
        """
        try:
            return self.held.fork(room)
        except _native.WindowFailed as error:
            no_fork = fork_refusal(error)
            cause, why = no_fork or ("too_slow", "no copy could be forked while it stood still")
            raise ProcessUnreadable(self.pid, why, cause) from error

    @property
    def left_ns(self) -> int:
        """Return how much longer it may stand still, by our own clock; 0 once it was let go."""
        return max(0, self._until_ns - monotonic_ns())

    def release(self) -> None:
        """Let every thread go; once is enough, and the end of ours does the same."""
        self._until_ns = 0
        try:
            self.pause_ns, _ = self.held.release()
        except _native.WindowFailed as error:
            if error.args[0] == "too_slow":
                self.pause_ns, self.was_late = self._budget_ns, True


@contextmanager
def stop(pid: int, facts: ProcessFacts, budget_ms: float, *, guarded: bool = False) -> Iterator[Stop]:
    """Stop every thread of ``pid`` for ``budget_ms`` at most, and let go in any case.

    ``guarded``: a process of its own holds it, which finishes a write that it was asked for if we die in it
    (``native/src/process/guardian.rs``). So several changes are made together or not at all.
    ``facts`` are what ``require_readable`` said of it. ProcessUnreadable, with every thread running, where it
    cannot be stopped within that time (cause too_slow) or at all.
    """
    budget_ns = int(budget_ms * _NS_PER_MS)
    with uncollected():
        try:
            held = (_native.stop_guarded if guarded else _native.stop_process)(pid, budget_ns)
        except _native.WindowFailed as error:
            raise why_unreadable(pid, facts, error, budget_ms) from error
        with letting_go(Stop(held, facts, budget_ns, guarded=guarded)) as standing:
            yield standing


@contextmanager
def uncollected() -> Iterator[None]:
    """Have Python collect no garbage meanwhile: with a large heap read, that takes longer than a stop may."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def letting_go(standing: Stop) -> Iterator[Stop]:
    """Let ``standing`` go at the end, whatever happens."""
    try:
        yield standing
    finally:
        standing.release()
