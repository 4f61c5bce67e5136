"""Find moments under a lock that is hardly ever free: poll first, then wait for somebody to take it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from mapmedic.errors import ProcessUnreadable
from mapmedic.goheap.lock_moments import watched_words
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.catch import catch
from mapmedic.memory.stop import Stop
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.remedy.outside.moments import Polling
from mapmedic.remedy.outside.rehearsal import rehearse

# How long a lock is looked at now and then before it is watched: one that is held half of the time is met by then.
_POLLS_FOR_MS = 1_000.0
# How long it is watched at a time. Whatever takes, frees or asks for it meanwhile is held up for some microseconds.
_ARMED_MS = 50.0


@dataclass(slots=True)
class Catching:
    """Do as ``polling`` for a second; from then on, wherever the lock is held, stop where it is taken or freed.

    Where the kernel gives no watchpoint it goes on polling, and ``why_not`` says why.
    """

    polling: Polling
    polls_for_ms: float = _POLLS_FOR_MS
    why_not: str = ""
    _began_ns: int = field(default_factory=time.monotonic_ns)

    @contextmanager
    def moment(self) -> Iterator[Stop | Unsafe]:
        """Hold the process still; ProcessUnreadable where it cannot be stopped at all."""
        with ExitStack() as stack:
            held_by = self._who_holds()
            held = self._caught(stack, held_by) if held_by else None
            yield held if held is not None else self._told(stack.enter_context(self.polling.moment()))

    def _told(self, held: Stop | Unsafe) -> Stop | Unsafe:
        """Return ``held``; a lock that is held says why it is not watched."""
        if not self.why_not or not isinstance(held, Unsafe) or held.hindrance is not Hindrance.LOCKED:
            return held
        return replace(held, why=f"{held.why}, and cannot be watched: {self.why_not}")

    def _who_holds(self) -> str | None:
        """Return who has the lock, if it is time to watch it; None for nobody."""
        polled_ms = (time.monotonic_ns() - self._began_ns) / 1e6
        if self.why_not or polled_ms < self.polls_for_ms or not self.polling.watch.locks:
            return None
        seen = self.polling.watch.glance(ProcessAgain(self.polling.pid, self.polling.budget_ms).read)
        return seen.why if seen is not None and seen.hindrance is Hindrance.LOCKED else None

    def _caught(self, stack: ExitStack, held_by: str) -> Stop | Unsafe | None:
        """Return the moment that was caught; None where nothing can be."""
        polling = self.polling
        words = watched_words(polling.watch.locks)
        rehearse(polling.watch, polling.pid, polling.budget_ms)
        try:
            held = stack.enter_context(catch(polling.pid, polling.facts, words, _ARMED_MS, polling.budget_ms))
        except ProcessUnreadable as error:
            if error.cause == "too_slow":
                return Unsafe(Hindrance.TOO_SLOW, error.why)
            if error.cause != "no_watchpoint":
                raise
            self.why_not = error.why
            return None
        never = f"{held_by}, and nobody took or freed it for {_ARMED_MS:g} ms in which it was watched"
        return held or Unsafe(Hindrance.LOCKED, never)
