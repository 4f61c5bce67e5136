"""Stop a process at the moment at which one of its threads changes a certain word: while it is taking a lock, say.

Its threads are seized and run on, with a watchpoint of the processor's on each word (``native/src/process/catch.rs``).
Nothing is put into the process for that, and the kernel takes the watchpoints back when we end, however we end.
Only ``remedy`` may import this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.stop import Stop, letting_go, uncollected
from mapmedic.memory.unreadable import why_unreadable
from mapmedic.model.watched_word import CaughtWrite, WatchedWord

# As many as the processor has (Intel SDM, volume 3, debug registers).
MOST_WORDS = 4
_NS_PER_MS = 1_000_000


@contextmanager
def catch(
    pid: int, facts: ProcessFacts, words: Sequence[WatchedWord], armed_ms: float, budget_ms: float
) -> Iterator[Stop | None]:
    """Stop all of ``pid`` at a change of ``words`` that is waited for; None where there was none in ``armed_ms``.

    It stands still for ``budget_ms`` at most from then on. ProcessUnreadable, with every thread running, where it
    could not be stopped within that (cause too_slow), where the kernel gives no watchpoint (cause no_watchpoint), or
    where it may not be traced at all.
    """
    if not _may_signal(facts):
        why = f"it belongs to user {facts.user}, whose processes we may not give a signal as user {os.geteuid()}"
        raise ProcessUnreadable(pid, why, "no_watchpoint")
    budget_ns = int(budget_ms * _NS_PER_MS)
    asked = [(each.address, list(each.summands), _wanted(each)) for each in words[:MOST_WORDS]]
    with uncollected():
        try:
            held = _native.catch_write(pid, asked, int(armed_ms * _NS_PER_MS), budget_ns)
        except _native.WindowFailed as error:
            if error.args[0] != "nothing_caught":
                raise why_unreadable(pid, facts, error, budget_ms) from error
            yield None
            return
        writes = tuple(CaughtWrite(thread, at, old, tuple(new)) for thread, at, old, new in held.writes)
        with letting_go(Stop(held, facts, budget_ns, writes)) as standing:
            yield standing


def _may_signal(facts: ProcessFacts) -> bool:
    """Tell whether a file of ours may give its threads a signal (fs/fcntl.c, sigio_perm): capabilities do not count."""
    return facts.user in (os.geteuid(), os.getuid()) or os.geteuid() == 0


def _wanted(word: WatchedWord) -> list[tuple[int, int, int, int]]:
    return [(before.mask, before.value, after.mask, after.value) for before, after in word.wanted]
