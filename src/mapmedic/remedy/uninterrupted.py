"""Put off what would end or stop us, until what is under way with a target is done and told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# What a terminal, a supervisor or a lost connection ends us by, and what would stop us with something left to put back.
# That nobody stands still meanwhile is seen to where threads are held (native/src/process/job_control.rs).
_ENDS_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPS_US = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


class ProofCutShort(KeyboardInterrupt):
    """Say that somebody wanted it to end when the fix had been made and its proof had not."""


@contextmanager
def uninterrupted() -> Iterator[Sequence[int]]:
    """Put off signals that would end us until the body has ended, and take none that would stop us.

    Yields the numbers of those that came, for a body that takes long. An error of the body says more than that
    somebody wanted it to end: then whoever listens for the signals is told, and the error goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield ()  # Python gives no signal to it
        return
    came: list[int] = []
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ours(_STOPS_US)}
    for number in _ours(_ENDS_US):
        before[number] = signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield came
    except BaseException:
        _put_back(before)
        with suppress(KeyboardInterrupt):
            _raise(came)
        raise
    _put_back(before)
    _raise(came)


def _ours(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    """Return those of ``numbers`` whose handler can be put back; one not set from Python stays."""
    return [number for number in numbers if signal.getsignal(number) is not None]


def _put_back(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _raise(came: Sequence[int]) -> None:
    for number in came:
        signal.raise_signal(number)
