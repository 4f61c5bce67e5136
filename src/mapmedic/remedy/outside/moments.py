"""Find moments that are worth judging: by looking now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.stop import Stop, stop
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.remedy.outside.rehearsal import rehearse
from mapmedic.remedy.outside.way import Watch


@dataclass(frozen=True, slots=True)
class Polling:
    """Stop process ``pid`` for ``budget_ms`` at most whenever a glance at it, while it runs, forbids nothing.

    ``guarded``: a guardian holds it.
    """

    pid: int
    facts: ProcessFacts
    watch: Watch
    budget_ms: float
    guarded: bool = False

    @contextmanager
    def moment(self) -> Iterator[Stop | Unsafe]:
        """Hold it still; ProcessUnreadable where it cannot be stopped at all."""
        read = ProcessAgain(self.pid, self.budget_ms).read
        seen = self.watch.glance(read)
        if seen is None:
            rehearse(self.watch, self.pid, self.budget_ms)
            seen = self.watch.glance(read)
        if seen is not None:
            yield seen
            return
        with ExitStack() as stack:
            held: Stop | Unsafe
            try:
                held = stack.enter_context(stop(self.pid, self.facts, self.budget_ms, guarded=self.guarded))
            except ProcessUnreadable as error:
                if error.cause != "too_slow":
                    raise
                held = Unsafe(Hindrance.TOO_SLOW, error.why)
            yield held
